"""Every reason that the page "When it says inconclusive" lists, brought about by a small program.

The page's table is the list: each row's first column is compared with what the program below of the
same number is told, and a row without a program, or a program without a row, fails.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pytest_racecheck import Finding, Verdict, explore, replay

zmq = pytest.importorskip("zmq")  # two of the reasons are about sockets

PAGE = Path(__file__).parents[1] / "how-to" / "when-it-says-inconclusive.md"
_ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def together(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work() -> None:
    queue.Queue[int]().put(1)


def sampled() -> Finding:
    return explore(lambda: together(work, work), strategy="random", executions=20)


def no_thread() -> Finding:
    return explore(work)


def one_schedule() -> Finding:
    return explore(lambda: together(work, work), strategy="scripted", script=["main"])


def foreign_schedule() -> Finding:
    return replay(lambda: together(work, work), "rc1:random:7:00")


def foreign_script() -> Finding:
    return explore(lambda: together(work, work), strategy="scripted", script=["nobody"])


def native_call() -> Finding:
    ours, theirs = socket.socketpair()

    def body() -> None:
        together(functools.partial(ours.recv, 1), functools.partial(theirs.send, b"x"))

    with ours, theirs:
        return explore(body, patience_s=0.2)


def native_call_and_a_failure() -> Finding:
    ours, theirs = socket.socketpair()

    def answer() -> None:
        theirs.send(b"x")
        raise ValueError("no answer")

    with ours, theirs:
        return explore(lambda: together(functools.partial(ours.recv, 1), answer), patience_s=0.2)


def unseeded_dice() -> Finding:
    dice = random.Random()

    def throw() -> None:
        for _ in range(dice.randrange(1, 9)):
            work()

    return explore(lambda: together(throw, throw), executions=100)


def order_of_a_set() -> Finding:
    words = [f"word {n}" for n in range(12)]

    def body() -> None:
        for word in {str(word) for word in words}:
            together(*[work] * (2 + words.index(word)))
            break

    return explore(body, executions=20)


def failing_dice() -> Finding:
    results = iter([True] + [False] * 100)

    def throw() -> None:
        assert not next(results)

    return explore(lambda: together(throw))


def grows_for_ever() -> Finding:
    kept: list[int] = []

    def body() -> None:
        together(functools.partial(kept.append, 1), functools.partial(kept.append, 2))
        assert len(kept) < 20

    return explore(body, strategy="random")


def fails_while_importing() -> Finding:
    name = "a_module_that_the_body_imports"

    def body() -> None:
        cold = name not in sys.modules
        sys.modules[name] = ModuleType(name)
        together(work, work)
        assert not cold

    try:
        return explore(body, executions=20)
    finally:
        del sys.modules[name]


def too_many_operations() -> Finding:
    def count() -> None:
        jobs: queue.Queue[int] = queue.Queue()
        for number in range(1000):
            jobs.put(number)

    return explore(lambda: together(count, count), max_steps=500, executions=1)


def thread_outside_control() -> Finding:
    over = threading.Event()
    threads = []
    ours, theirs = socket.socketpair()

    def serve() -> None:
        while theirs.recv(1):
            threads.append(threading.Thread(target=over.wait, name="stray"))
            threads[-1].start()
            theirs.send(b"x")

    def body() -> None:
        together(work, work)
        ours.send(b"x")
        ours.recv(1)

    server = threading.Thread(target=serve)
    server.start()
    try:
        return explore(body, executions=5)
    finally:
        over.set()
        ours.close()
        for thread in (server, *threads):
            thread.join()
        theirs.close()


def thread_that_was_there_before() -> Finding:
    asked: queue.Queue[queue.Queue[int] | None] = queue.Queue()

    def serve() -> None:
        while (answer := asked.get()) is not None:
            time.sleep(0.01)
            answer.put(1)

    def ask() -> None:
        answer: queue.Queue[int] = queue.Queue()
        asked.put(answer)
        answer.get()

    server = threading.Thread(target=serve, name="server")
    server.start()
    try:
        return explore(lambda: together(ask), executions=5)
    finally:
        asked.put(None)
        server.join()


def swallowed_sharing() -> Finding:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.bind("inproc://jobs")

            def send() -> None:
                with contextlib.suppress(AssertionError, zmq.Again):
                    push.send(b"job", zmq.NOBLOCK)

            together(send, send)

    return explore(body, executions=5)


PROGRAMS = (
    sampled,
    no_thread,
    one_schedule,
    foreign_schedule,
    foreign_script,
    native_call,
    native_call_and_a_failure,
    too_many_operations,
    unseeded_dice,
    order_of_a_set,
    failing_dice,
    grows_for_ever,
    fails_while_importing,
    thread_that_was_there_before,
    thread_outside_control,
    swallowed_sharing,
)


def test_each_reason_has_a_program() -> None:
    assert len(_ROW.findall(PAGE.read_text())) == len(PROGRAMS)


@pytest.mark.parametrize("at", range(len(PROGRAMS)), ids=lambda at: PROGRAMS[at].__name__)
def test_the_reason_is_given_as_the_page_quotes_it(at: int) -> None:
    shown = _ROW.findall(PAGE.read_text())[at]
    pattern = ".*".join(map(re.escape, shown.split("...")))
    finding = PROGRAMS[at]()
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert re.match(pattern, finding.reason), finding.reason
