"""Signalling programs on real ZeroMQ sockets, with a race and without it, for several rooms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zmq

from pytest_racecheck import explore

ADDRESS = "inproc://control"
EXIT = b"exit"

Body = Callable[[], None]
Ledger = dict[bytes, list[int]]


@contextmanager
def receiver(context: zmq.Context[Any], kind: int, ledger: Ledger) -> Iterator[threading.Thread]:
    """A thread that books what arrives at a bound socket until the exit message."""
    socket = context.socket(kind)
    if kind == zmq.SUB:
        socket.subscribe(b"")
    socket.bind(ADDRESS)

    def main_loop() -> None:
        with socket:
            while (message := socket.recv_multipart()[-1]) != EXIT:
                sender, sequence = message.split()
                ledger.setdefault(sender, []).append(int(sequence))

    thread = threading.Thread(target=main_loop, name="main loop")
    thread.start()
    yield thread
    thread.join()


def run(threads: list[threading.Thread]) -> None:
    """Start and join."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def complete(ledger: Ledger, senders: int, messages: int) -> None:
    """The oracle: everything arrived, in order."""
    expected = {b"%d" % i: list(range(messages)) for i in range(senders)}
    assert ledger == expected, f"received {ledger}"


def signalling(
    receiver_kind: int, sender_kind: int, senders: int = 2, messages: int = 3, wait: bool = False
) -> Body:
    """One connection a thread; the exit message is sent over a connection of its own."""

    def body() -> None:
        ledger: Ledger = {}
        with zmq.Context() as context, receiver(context, receiver_kind, ledger):

            def connected() -> Any:
                socket = context.socket(sender_kind)
                socket.connect(ADDRESS)
                if wait:
                    assert socket.recv() == b"\1"  # the subscription
                return socket

            def send_all(sender: int) -> None:
                with connected() as socket:
                    for sequence in range(messages):
                        socket.send(b"%d %d" % (sender, sequence))

            run([threading.Thread(target=send_all, args=(i,)) for i in range(senders)])
            with connected() as socket:
                socket.send(EXIT)
        complete(ledger, senders, messages)

    return body


def pair_reconnecting(senders: int = 2, messages: int = 3) -> Body:
    """A connection for every message: the bound end may still hold the one before."""

    def body() -> None:
        ledger: Ledger = {}
        with zmq.Context() as context, receiver(context, zmq.PAIR, ledger):

            def send_once(message: bytes) -> None:
                with context.socket(zmq.PAIR) as socket:
                    socket.connect(ADDRESS)
                    socket.send(message)
                    socket.disconnect(ADDRESS)

            def send_all(sender: int) -> None:
                for sequence in range(messages):
                    send_once(b"%d %d" % (sender, sequence))

            run([threading.Thread(target=send_all, args=(i,)) for i in range(senders)])
            send_once(EXIT)
        complete(ledger, senders, messages)

    return body


def pair_persistent(messages: int = 3) -> Body:
    """One pair of sockets for one pair of threads: what PAIR is for."""

    def body() -> None:
        ledger: Ledger = {}
        with zmq.Context() as context, receiver(context, zmq.PAIR, ledger):

            def send_all() -> None:
                with context.socket(zmq.PAIR) as socket:
                    socket.connect(ADDRESS)
                    for sequence in range(messages):
                        socket.send(b"0 %d" % sequence)
                    socket.send(EXIT)

            run([threading.Thread(target=send_all)])
        complete(ledger, 1, messages)

    return body


def push_pull_in_order(senders_first: bool, senders: int = 2, messages: int = 3) -> Body:
    """PUSH to PULL, correct: whichever side starts first, nothing is lost, nothing blocks."""

    def body() -> None:
        received: list[bytes] = []
        with zmq.Context() as context:

            def receive() -> None:
                with context.socket(zmq.PULL) as socket:
                    socket.bind(ADDRESS)
                    received.extend(socket.recv() for _ in range(senders * messages))

            def send(sender: int) -> None:
                with context.socket(zmq.PUSH) as socket:
                    socket.connect(ADDRESS)
                    for sequence in range(messages):
                        socket.send(b"%d %d" % (sender, sequence))

            sending = [threading.Thread(target=send, args=(i,)) for i in range(senders)]
            receiving = [threading.Thread(target=receive)]
            run(sending + receiving if senders_first else receiving + sending)
        for sender in range(senders):
            mine = [message for message in received if message.startswith(b"%d " % sender)]
            assert mine == [b"%d %d" % (sender, sequence) for sequence in range(messages)]

    return body


def explored(body: Callable[[], object], **plan: Any) -> Any:
    """A finding at synchronisation points, within a bounded number of executions."""
    return explore(
        body, **{"points": "sync", "strategy": "random", "executions": 200, "seconds": 60.0, **plan}
    )


def passes(body: Callable[[], object], **plan: Any) -> None:
    """Assert that no schedule failed, and that control was complete."""
    finding = explored(body, **plan)
    assert finding.failure is None, finding.report()
    assert finding.warnings == (), finding.warnings


def fails(body: Callable[[], object], kind: str, **plan: Any) -> Any:
    """Assert that a schedule fails in this way, every time it is replayed; returns the failure."""
    finding = explored(body, **plan)
    assert finding.failure is not None, finding.report()
    assert finding.failure.kind == kind, finding.report()
    assert finding.replays == (3, 3), finding.report()
    return finding.failure
