"""What waits to be sent: one queue for everything, or a slot for the heartbeat before the rest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pytest_racecheck.locust.wire import Message

HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, and when it was put into the outbox (seconds of the worker's clock)."""

    message: Message
    queued_s: float = 0.0


class Outbox(Protocol):
    """Where roles put messages and the sender takes them; None ends the sender."""

    def put(self, letter: Letter) -> None:
        """Add a letter; never blocks."""

    def take(self) -> Letter | None:
        """The next letter, waiting for one; None when the outbox was closed and is empty."""

    def refused(self, letter: Letter) -> None:
        """The socket took no more: the sender brings the letter back."""

    def close(self) -> None:
        """No more letters: what is there is still given out."""


class OneQueue:
    """First in, first out, for heartbeats and statistics alike; unbounded, as in the documents.

    `on_refusal` says what becomes of a letter that the socket did not take.
    """

    def __init__(self, on_refusal: Callable[[OneQueue, Letter], None]) -> None:
        self._letters: deque[Letter] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._on_refusal = on_refusal

    def put(self, letter: Letter) -> None:
        with self._changed:
            self._letters.append(letter)
            self._changed.notify()

    def take(self) -> Letter | None:
        with self._changed:
            while not self._letters and not self._closed:
                self._changed.wait()
            return self._letters.popleft() if self._letters else None

    def refused(self, letter: Letter) -> None:
        self._on_refusal(self, letter)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def forget(outbox: OneQueue, letter: Letter) -> None:
    """The result of the send is not looked at: the letter is gone, and nobody knows."""


def at_the_tail(outbox: OneQueue, letter: Letter) -> None:
    """Behind everything that was queued meanwhile, younger heartbeats included."""
    outbox.put(letter)


class SlotFirst:
    """The newest heartbeat in a slot of its own, ahead of a bounded queue of all the rest.

    A heartbeat says how things are now, so an older one is worth nothing beside a newer. When the
    queue is full its oldest statistics go, counted in `dropped`; other messages never do.
    """

    def __init__(self, bound: int = 1000) -> None:
        self._slot: Letter | None = None
        self._letters: deque[Letter] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._bound = bound
        self.dropped = 0

    def put(self, letter: Letter) -> None:
        with self._changed:
            if letter.message.type == HEARTBEAT:
                self._slot = letter
            else:
                self._make_room()
                self._letters.append(letter)
            self._changed.notify()

    def _make_room(self) -> None:
        if len(self._letters) < self._bound:
            return
        oldest = next((one for one in self._letters if one.message.type == "stats"), None)
        if oldest is not None:
            self._letters.remove(oldest)
            self.dropped += 1

    def take(self) -> Letter | None:
        with self._changed:
            while self._slot is None and not self._letters and not self._closed:
                self._changed.wait()
            if self._slot is not None:
                letter, self._slot = self._slot, None
                return letter
            return self._letters.popleft() if self._letters else None

    def refused(self, letter: Letter) -> None:
        with self._changed:
            if letter.message.type != HEARTBEAT:
                self._letters.appendleft(letter)
            elif self._slot is None:  # else a newer one is there already
                self._slot = letter
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
