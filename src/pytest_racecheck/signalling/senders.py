"""How a sender gets its socket: one a thread, one connection a message, or one for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import zmq

from pytest_racecheck.signalling.kinds import Kind
from pytest_racecheck.signalling.options import Options

POLL_MS = 1

Send = Callable[[bytes], None]


@dataclass
class Wire:
    """Where senders connect to, and what they share: a mutex (-mutex) and perhaps a socket."""

    context: zmq.Context[zmq.Socket[bytes]]
    endpoint: str
    kind: Kind
    options: Options
    shared: zmq.Socket[bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def exclusive(self) -> AbstractContextManager[object]:
        """The mutex if the user asked for it, else nothing."""
        return self.lock if self.options.mutex else nullcontext()

    def socket(self) -> zmq.Socket[bytes]:
        """A new sender socket, not yet connected."""
        made = self.context.socket(getattr(zmq, self.kind.sender))
        made.linger = self.options.linger_ms
        return made

    def connect(self, socket: zmq.Socket[bytes]) -> None:
        """Connect, then poll if asked to; an XPUB also waits until the receiver subscribed."""
        socket.connect(self.endpoint)
        if self.options.poll:
            socket.poll(POLL_MS)
        if self.kind.awaits_subscription:
            socket.recv()


@contextmanager
def _per_thread(wire: Wire) -> Iterator[Send]:
    with wire.socket() as socket:
        with wire.exclusive():
            wire.connect(socket)

        def send(message: bytes) -> None:
            with wire.exclusive():
                socket.send(message)
            if wire.options.poll and wire.kind.polls_after_send:
                socket.poll(POLL_MS)

        yield send


@contextmanager
def _per_message(wire: Wire) -> Iterator[Send]:
    with wire.socket() as socket:

        def send(message: bytes) -> None:
            with wire.exclusive():
                wire.connect(socket)
                socket.send(message)
                socket.disconnect(wire.endpoint)

        yield send


@contextmanager
def _once(wire: Wire) -> Iterator[Send]:
    socket = wire.shared
    assert socket is not None, "open_wire made no shared socket"

    def send(message: bytes) -> None:
        with wire.exclusive():
            socket.send(message)

    yield send


_POLICIES = {
    "per thread": _per_thread,
    "per message": _per_message,
    "once for all threads": _once,
}


def open_wire(
    context: zmq.Context[zmq.Socket[bytes]], endpoint: str, kind: Kind, options: Options
) -> Wire:
    """Prepare what all senders share; connects the shared socket when the kind has one."""
    wire = Wire(context, endpoint, kind, options)
    if kind.connects == "once for all threads":
        wire.shared = wire.socket()
        wire.connect(wire.shared)
    return wire


def sender(wire: Wire) -> AbstractContextManager[Send]:
    """A context manager for one thread: gives its ``send``, closes its socket afterwards."""
    return _POLICIES[wire.kind.connects](wire)
