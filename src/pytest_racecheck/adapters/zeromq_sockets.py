"""The methods of ``zmq.Socket`` under control: a blocking call becomes attempts and waits.

An attempt is libzmq's own non-blocking form.  After a failed attempt the socket's mailbox is
empty, so its file descriptor becomes readable exactly when another operation has sent it something:
that is when the task is enabled again.  What that something changes, the next attempt finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar

import zmq

from pytest_racecheck.adapters import zeromq_owner as owner
from pytest_racecheck.adapters.zeromq_world import SocketRecord, World, ask
from pytest_racecheck.engine import (
    Task,
    current_task,
    happens_before,
    now_s,
    switch,
    wait_until,
)

T = TypeVar("T")
Method = Callable[..., Any]

NOBLOCK = int(zmq.NOBLOCK)
SNDMORE = int(zmq.SNDMORE)


class Deadline:
    """A time-out in virtual time that begins with the first wait; None means for ever."""

    def __init__(self, timeout_ms: int) -> None:
        self._end_s = None if timeout_ms < 0 else now_s() + timeout_ms / 1000

    def remaining_s(self) -> float | None:
        """Seconds that are left, at least 0."""
        return None if self._end_s is None else max(0.0, self._end_s - now_s())


class Readiness:
    """Whether a parked task's sockets were sent anything; asked from any controlled thread."""

    def __init__(self, world: World, probes: list[Callable[[], Any]], outside: bool) -> None:
        self._world = world
        self._probes = probes
        self._outside = outside
        self._quiet_at = world.operations

    def __call__(self) -> bool:
        # Without outside help nothing changes until another operation has been performed.
        if not self._outside and self._world.operations == self._quiet_at:
            return False
        if any(probe() for probe in self._probes):
            return True
        self._quiet_at = self._world.operations
        return False


def probe(record: SocketRecord, socket: Any, events: int) -> Callable[[], Any]:
    """What tells whether it is worth trying again on a socket."""
    if record.mailbox is not None:
        return partial(record.mailbox, 0)
    return partial(_thread_safe_ready, socket, events)


def _thread_safe_ready(socket: Any, events: int) -> bool:
    try:
        return bool(ask(socket, zmq.EVENTS) & events)
    except zmq.ZMQError:
        return True  # closed or terminated: the next attempt raises it in the task


def note_use(world: World, task: Task, record: SocketRecord, kind: str) -> None:
    """The owner check; raises IllegalSharing, and keeps it in case the body swallows it."""
    if record.thread_safe:
        return
    now = owner.use(task, kind)
    if not owner.ordered(record.last_use, now):
        assert record.last_use is not None
        error = owner.illegal(record.last_use, now, record.__racecheck_name__, record.created_at)
        world.sharings.append(str(error))
        raise error
    record.last_use = now


def look_into_mailbox(world: World, record: SocketRecord, socket: Any) -> None:
    """Let a socket see everything that was sent to it, and the answers to what that sets off.

    For calls that look by themselves, but too late or not for sure.  ``send`` looks only once in
    about a millisecond of real time.  All race with the reaper thread, which answers when a peer
    notices that a closed socket is gone.  Asking for EVENTS always looks.
    """
    looks = 2 if record.mailbox is None else 0  # a thread-safe socket does not tell
    while looks > 0 or record.signalled():
        looks -= 1
        ask(socket, zmq.EVENTS)
        world.settle(record)


def attempt(world: World, record: SocketRecord, call: Callable[[], T]) -> T:
    """Perform one native call that cannot block, and what it sets off."""
    try:
        return call()
    finally:
        world.settle(record)


@dataclass(frozen=True, slots=True)
class MessageCall:
    """What sends or receives one part of a message: a scheduling point, then attempts and waits."""

    world: World
    kind: str
    timeout_option: int
    events: int

    def perform(
        self, task: Task, socket: Any, flags: int, native: Callable[[int], T], continued: bool
    ) -> T:
        """Call ``native`` with flags that never block, until it succeeds or time is up.

        ``continued``: this is not the first part of its message.
        """
        record = self.world.record_of(socket)
        if not continued:  # nobody may legally come between the parts of a message
            switch(self.kind, record)
        deadline: Deadline | None = None
        while True:
            note_use(self.world, task, record, self.kind)
            try:
                return self._attempt(socket, record, lambda: native(flags | NOBLOCK))
            except zmq.Again:
                if flags & NOBLOCK:
                    raise
                deadline = deadline or Deadline(ask(socket, self.timeout_option))
                if not self._wait(socket, record, deadline):
                    raise

    def _attempt(self, socket: Any, record: SocketRecord, call: Callable[[], T]) -> T:
        while True:
            if self.kind == "send":
                look_into_mailbox(self.world, record, socket)
            try:
                return attempt(self.world, record, call)
            except zmq.Again:
                if not record.signalled():
                    raise
                # Answers came in before the operation was over.

    def _wait(self, socket: Any, record: SocketRecord, deadline: Deadline) -> bool:
        outside, left_s = record.may_change_by_itself(), deadline.remaining_s()
        ready = Readiness(self.world, [probe(record, socket, self.events)], outside)
        return left_s != 0 and wait_until(
            ready, self.kind, record, timeout_s=left_s, outside=outside
        )


def controlled_send(world: World, original: Method) -> Method:
    """``Socket.send``, which all other forms of sending end in."""
    perform = MessageCall(world, "send", zmq.SNDTIMEO, zmq.POLLOUT).perform

    @wraps(original)
    def send(self: Any, data: Any, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
        task = current_task()
        if task is None:
            world.seen_from_outside(self)
            return original(self, data, flags, *args, **kwargs)
        record = world.record_of(self)
        sent = perform(
            task, self, flags, lambda f: original(self, data, f, *args, **kwargs), record.sending
        )
        record.sending = bool(flags & SNDMORE)
        for endpoint in record.channels:
            happens_before.publish(endpoint)
        return sent

    return send


def controlled_recv(world: World, original: Method) -> Method:
    """``Socket.recv``, which all other forms of receiving end in."""
    perform = MessageCall(world, "recv", zmq.RCVTIMEO, zmq.POLLIN).perform

    @wraps(original)
    def recv(self: Any, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
        task = current_task()
        if task is None:
            world.seen_from_outside(self)
            return original(self, flags, *args, **kwargs)
        record = world.record_of(self)
        message = perform(
            task, self, flags, lambda f: original(self, f, *args, **kwargs), record.receiving
        )
        _received(record, self)
        return message

    return recv


def controlled_recv_into(world: World, original: Method) -> Method:
    """``Socket.recv_into``."""
    perform = MessageCall(world, "recv", zmq.RCVTIMEO, zmq.POLLIN).perform

    @wraps(original)
    def recv_into(self: Any, buffer: Any, /, *, nbytes: int = 0, flags: int = 0) -> Any:
        task = current_task()
        if task is None:
            world.seen_from_outside(self)
            return original(self, buffer, nbytes=nbytes, flags=flags)
        record = world.record_of(self)
        size = perform(
            task,
            self,
            flags,
            lambda f: original(self, buffer, nbytes=nbytes, flags=f),
            record.receiving,
        )
        _received(record, self)
        return size

    return recv_into


def _received(record: SocketRecord, socket: Any) -> None:
    record.receiving = bool(ask(socket, zmq.RCVMORE))
    for endpoint in record.channels:
        happens_before.observe(endpoint)
