"""The threads of one run: main loop, senders, the sender of the exit message, and the verdict."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import zmq

from pytest_racecheck.signalling.kinds import Kind
from pytest_racecheck.signalling.ledger import Ledger
from pytest_racecheck.signalling.message import EXIT, PING, pack
from pytest_racecheck.signalling.options import Options
from pytest_racecheck.signalling.receiver import main_loop
from pytest_racecheck.signalling.senders import Wire, open_wire, sender
from pytest_racecheck.signalling.watch import Hang, join_all, where

COMPLETE, INCOMPLETE, INTERRUPTED = 0, 1, 130


@dataclass
class Session:
    """What the threads of one run share; ``errors`` are sentences about threads that died."""

    kind: Kind
    options: Options
    ledger: Ledger
    context: zmq.Context[zmq.Socket[bytes]] = field(default_factory=zmq.Context)
    threads: list[threading.Thread] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def start(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Start a thread whose exception becomes a sentence in ``errors``."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - reported by the verdict, whatever it is
                errno = f" (errno {error.errno})" if isinstance(error, zmq.ZMQError) else ""
                self.errors.append(f"{name} stopped with {type(error).__name__}: {error}{errno}")

        # daemon: a thread that stays blocked inside libzmq must not keep the process.
        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    def join(self, *threads: threading.Thread) -> None:
        """Join threads while messages move; raises ``Hang`` otherwise."""
        join_all(threads, self.ledger.moved, self.options.deadline_s)


def run(kind: Kind, options: Options) -> int:
    """Run to the end and report: 0 complete, 1 loss or hang, 130 interrupted; never hangs."""
    session = Session(kind, options, Ledger(options.threads, options.msgs))
    began_s = time.monotonic()
    try:
        _exchange(session)
    except Hang as hang:
        return _hung(session, hang)
    except KeyboardInterrupt:
        _say("", *session.ledger.totals())
        return INTERRUPTED
    return _verdict(session, time.monotonic() - began_s - options.sleep_s)


def _exchange(session: Session) -> None:
    bound: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        try:
            main_loop(session.context, session.kind, session.options.transport, bound, book)
        finally:
            bound.put(None)

    def book(command: bytes, number: int, sequence: int) -> None:
        _book(session, command, number, sequence)

    loop = session.start("main loop", listen)
    endpoint = bound.get()
    if endpoint is None:
        return
    wire = open_wire(session.context, endpoint, session.kind, session.options)
    session.join(*_start_senders(session, wire))
    _say("Waiting...")
    time.sleep(session.options.sleep_s)
    session.join(session.start("exit sender", partial(_send_exit, session, wire)), loop)
    if wire.shared is not None:
        wire.shared.close()
    if session.ledger.complete():
        session.join(session.start("terminator", session.context.term))


def _say(*lines: str) -> None:
    # One write for all of it: `print` writes text and newline apart, and another thread between.
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _book(session: Session, command: bytes, number: int, sequence: int) -> None:
    if command == EXIT:
        session.ledger.exit_received = True
        return
    complaint = session.ledger.receive(number, sequence)
    if complaint:
        _say(complaint)
    elif session.options.debug:
        _say(f"Thread {number} received # {sequence}")


def _start_senders(session: Session, wire: Wire) -> list[threading.Thread]:
    return [
        session.start(f"sender {number}", partial(_ping, session, wire, number))
        for number in session.ledger.accounts
    ]


def _ping(session: Session, wire: Wire, number: int) -> None:
    options, account = session.options, session.ledger.accounts[number]
    with sender(wire) as send:
        for sequence in range(1, options.msgs + 1):
            # Counted before the call, as in the document: a send that blocks is "sent".
            account.sent = sequence
            send(pack(PING, number, sequence))
            if options.debug:
                _say(f"Thread {number} sent # {sequence}")
            if options.rate:
                time.sleep(1 / options.rate)


def _send_exit(session: Session, wire: Wire) -> None:
    with sender(wire) as send:
        session.ledger.exit_sent = True
        send(pack(EXIT, 0, 0))


def _hung(session: Session, hang: Hang) -> int:
    ledger = session.ledger
    lines = ledger.unfinished() if session.options.quiet else ledger.totals()
    _say(*lines)
    alive = [thread for thread in session.threads if thread.is_alive()]
    print(f"Hang: {hang}. {ledger.summary()}.", *ledger.about_exit(), file=sys.stderr)
    print(where(alive), file=sys.stderr)
    _print_errors(session)
    return INCOMPLETE


def _print_errors(session: Session) -> None:
    for sentence in session.errors:
        print(sentence, file=sys.stderr)


def _verdict(session: Session, seconds: float) -> int:
    ledger, options = session.ledger, session.options
    if session.errors or not ledger.complete():
        lines = ledger.unfinished() if options.quiet else ledger.totals()
        _say(*lines)
        print(f"{ledger.summary()}.", *ledger.about_exit(), file=sys.stderr)
        _print_errors(session)
        return INCOMPLETE
    if not options.quiet:
        rate = options.threads * options.msgs / seconds
        _say(*ledger.totals(), f"{ledger.summary()}, {rate:,.0f} a second")
    return COMPLETE
