"""How the worker's one DEALER is shared by the thread that receives and the one that sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import zmq

from pytest_racecheck.locust.fair_lock import FairLock

Socket = zmq.Socket[bytes]
LINGER_MS: Final = 500  # what was sent last must get out, and a master that is gone hold nobody up
KEEPALIVE_IDLE_S: Final = 30
PAUSE_S: Final = 0.010  # of the documents' receiver between two looks at the socket
YIELD_S: Final = 0.001


class Link(Protocol):
    """The worker's way to the master; `send` and `recv` come from different threads."""

    def send(self, payload: bytes) -> bool:
        """Hand over one message; False when the socket takes no more."""

    def recv(self) -> bytes | None:
        """One message; None when none came for a while, or the link was interrupted."""

    def interrupt(self) -> None:
        """Make waiting calls come back soon, where the policy has a way; from one thread, once."""

    def close(self) -> None:
        """Close the socket; when nobody uses the link any more."""


def dealer(context: zmq.Context[Socket], endpoint: str, identity: str) -> Socket:
    """A DEALER as Locust's workers have it. Raises zmq.ZMQError for an impossible endpoint."""
    socket = context.socket(zmq.DEALER)
    socket.linger = LINGER_MS
    socket.setsockopt(zmq.IDENTITY, identity.encode())
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S)
    try:
        socket.connect(endpoint)
    except zmq.ZMQError:
        socket.close()
        raise
    return socket


class Unlocked:
    """Both threads use the socket, and nothing orders them (A-01, A-02, A-03)."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def send(self, payload: bytes) -> bool:
        self._socket.send(payload)
        return True

    def recv(self) -> bytes | None:
        return self._socket.recv()

    def interrupt(self) -> None:
        """There is no way to: only a message ends the wait."""

    def close(self) -> None:
        self._socket.close()


class CloseForeign(Unlocked):
    """The thread that stops the worker takes the socket from under the receiver (A-13, A-14).

    `what` is "socket" (close it) or "context" (terminate that, which wakes the receiver first).
    """

    def __init__(self, context: zmq.Context[Socket], socket: Socket, what: str) -> None:
        super().__init__(socket)
        self._context = context
        self._what = what

    def recv(self) -> bytes | None:
        try:
            return super().recv()
        except zmq.ContextTerminated:
            self.close()  # `term` waits until the last socket is closed
            raise

    def interrupt(self) -> None:
        if self._what == "socket":
            self._socket.close()
        else:
            self._context.term()


class LockBlocking:
    """A lock around every call, and a receive that waits for ever while it holds it (A-05)."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._lock = threading.Lock()

    def send(self, payload: bytes) -> bool:
        with self._lock:
            self._socket.send(payload)
        return True

    def recv(self) -> bytes | None:
        with self._lock:
            return self._socket.recv()

    def interrupt(self) -> None:
        """There is no way to: only a message ends the wait."""

    def close(self) -> None:
        self._socket.close()


class LockTimeout:
    """A lock, and a receive that gives it back after `timeout_ms` (A-06).

    `threading.Lock` has no queue: the receiver gives it back and takes it again before the sender,
    which was woken, has moved. `pause_s` is slept outside the lock, for the sender's sake; a fair
    lock needs no pause.
    """

    def __init__(
        self,
        socket: Socket,
        timeout_ms: int,
        pause_s: float = 0.0,
        lock: threading.Lock | FairLock | None = None,
    ) -> None:
        socket.rcvtimeo = socket.sndtimeo = timeout_ms
        self._socket = socket
        self._pause_s = pause_s
        self._lock = lock or threading.Lock()

    def send(self, payload: bytes) -> bool:
        with self._lock:
            try:
                self._socket.send(payload)
            except zmq.Again:
                return False
        return True

    def recv(self) -> bytes | None:
        with self._lock:
            try:
                return self._socket.recv()
            except zmq.Again:
                pass  # nothing came in time; the lock is given back first
        if self._pause_s:
            time.sleep(self._pause_s)
        return None

    def interrupt(self) -> None:
        """Nothing to do: `recv` comes back by itself."""

    def close(self) -> None:
        self._socket.close()


class LockDontwait:
    """A lock that is held for moments only; the receiver sleeps outside it (A-09, A-10).

    What becomes of a letter that the socket did not take is decided by the outbox.
    """

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._lock = threading.Lock()

    def send(self, payload: bytes) -> bool:
        try:
            with self._lock:
                self._socket.send(payload, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def recv(self) -> bytes | None:
        try:
            with self._lock:
                return self._socket.recv(zmq.DONTWAIT)
        except zmq.Again:
            time.sleep(PAUSE_S)
            return None

    def interrupt(self) -> None:
        """Nothing to do: `recv` comes back by itself."""

    def close(self) -> None:
        self._socket.close()


Connect = Callable[[zmq.Context[Socket], str, str], Link]
