"""What an execution leaves behind: nothing that has to wait for the garbage collector."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest

from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.strategies.random_walk import RandomWalk


class Thing:
    """Something that a thread holds in a local variable."""


def nothing() -> None:
    pass


def sleeps() -> None:
    time.sleep(5)


def waits_for_itself() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@pytest.mark.parametrize("work", [nothing, sleeps, waits_for_itself])
def test_threads_and_their_locals_are_freed_with_their_execution(work):
    held: list[weakref.ref[object]] = []

    def hold() -> None:
        thing = Thing()
        held.append(weakref.ref(thing))
        work()

    def body() -> None:
        threads = [threading.Thread(target=hold) for _ in range(2)]
        held.extend(map(weakref.ref, threads))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with control_threads() as control:
        runner = Runner(body, before=lambda _: control.before(), after=control.after)
        with runner.ready():
            deciders = RandomWalk(0).deciders()
            for _ in range(3):
                runner.execute(next(deciders))
            assert not gc.isenabled()
            of_the_first = held[:4]
            assert [ref() for ref in of_the_first] == [None] * 4
