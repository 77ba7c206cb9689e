"""The main loop: owns the control socket and a data socket, polls both, control first."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Final

import zmq

from pytest_racecheck.signalling.kinds import Kind
from pytest_racecheck.signalling.message import EXIT, unpack

_ENDPOINTS: Final = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}


def main_loop(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: Kind,
    transport: str,
    bound: queue.SimpleQueue[str | None],
    book: Callable[[bytes, int, int], None],
) -> None:
    """Run until the exit message; puts the control endpoint into ``bound`` once it listens."""
    with context.socket(getattr(zmq, kind.receiver)) as control, context.socket(zmq.SUB) as data:
        control.linger = data.linger = 0
        if kind.receiver == "SUB":
            control.subscribe(b"")
        data.subscribe(b"")
        data.bind("tcp://127.0.0.1:*")
        control.bind(_ENDPOINTS[transport])
        bound.put(control.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0"))
        poller = zmq.Poller()
        poller.register(control, zmq.POLLIN)
        poller.register(data, zmq.POLLIN)
        command = b""
        while command != EXIT:
            ready = dict(poller.poll())
            if control in ready:
                # The last frame: a ROUTER puts the sender's identity before it.
                command, sender, sequence = unpack(control.recv_multipart()[-1])
                book(command, sender, sequence)
            elif data in ready:
                data.recv_multipart()
