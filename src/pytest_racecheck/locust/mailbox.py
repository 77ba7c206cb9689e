"""What is inside a socket that is not thread-safe, as far as a stolen wake-up needs it (A-02).

A socket has one mailbox. Who puts the first message into an empty pipe also puts the command
"readable" into the mailbox, which wakes whoever sleeps there; while the pipe is known to be
readable no further command comes. Every call, send and recv alike, first reads the mailbox empty.
That is enough to lose a wake-up when two threads use the socket: no libzmq is needed to see it.
"""

from __future__ import annotations

import threading
from collections import deque

READABLE = "readable"


class Mailbox:
    """Commands to one socket; may be posted to from any thread."""

    def __init__(self) -> None:
        self._commands: deque[str] = deque()
        self._posted = threading.Condition()

    def post(self, command: str) -> None:
        """Put a command and wake the sleeper."""
        with self._posted:
            self._commands.append(command)
            self._posted.notify()

    def drain(self) -> list[str]:
        """All commands that are there now."""
        with self._posted:
            found = list(self._commands)
            self._commands.clear()
        return found

    def sleep(self, timeout_s: float | None = None) -> None:
        """Until a command is there, or so many seconds at most."""
        with self._posted:
            self._posted.wait_for(lambda: bool(self._commands), timeout_s)


class ModelSocket:
    """One end of a connection: what it sends goes to `sent`, what `deliver` brings is received."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self.sent: deque[bytes] = deque()
        self._pipe: deque[bytes] = deque()
        self._told = threading.Lock()  # the pipe's own word on whether the reader knows of it
        self._reader_knows = False

    def deliver(self, message: bytes) -> None:
        """The peer writes a message: the reader is told only when it does not know yet."""
        with self._told:
            self._pipe.append(message)
            tell, self._reader_knows = not self._reader_knows, True
        if tell:
            self.mailbox.post(READABLE)

    def send(self, message: bytes) -> None:
        """Read the mailbox, then write."""
        self.mailbox.drain()
        self.sent.append(message)

    def recv(self, timeout_s: float | None = None) -> bytes | None:
        """Read the mailbox, take a message; without one sleep at the mailbox, and try again.

        With a time-out it tries once more after that, and gives None.
        """
        while True:
            self.mailbox.drain()
            message = self._take()
            if message is not None:
                return message
            self.mailbox.sleep(timeout_s)
            if timeout_s is not None:
                self.mailbox.drain()
                return self._take()

    def _take(self) -> bytes | None:
        with self._told:
            if self._pipe:
                return self._pipe.popleft()
            self._reader_knows = False  # found empty: the next message is told again
        return None
