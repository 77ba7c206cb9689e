"""What a stranger found by using the tool from its README: each was wrong once."""

from __future__ import annotations

import collections
import gc
import multiprocessing
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pytest_racecheck import explore


def side_by_side(function: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


MAPPINGS: list[Callable[[], Any]] = [dict, collections.UserDict, lambda: collections.ChainMap({})]


@pytest.mark.parametrize("make", MAPPINGS)
def test_an_update_is_lost_in_any_mapping(make: Callable[[], Any]) -> None:
    def body() -> None:
        counts = make()
        counts["n"] = 0

        def add() -> None:
            counts["n"] += 1

        side_by_side(add)
        assert counts["n"] == 2

    assert explore(body, strategy="exhaustive", executions=500).verdict == "reproduced"


@pytest.mark.parametrize("make", MAPPINGS)
def test_under_a_lock_no_mapping_loses_one(make: Callable[[], Any]) -> None:
    def body() -> None:
        counts, lock = make(), threading.Lock()
        counts["n"] = 0

        def add() -> None:
            with lock:
                counts["n"] += 1

        side_by_side(add)
        assert counts["n"] == 2

    assert explore(body, strategy="bounded", preemptions=1).verdict == "ruled out"


def weak_dictionary() -> None:
    """Two threads look into it before either puts something in."""

    class Thing:
        pass

    things: weakref.WeakValueDictionary[str, Thing] = weakref.WeakValueDictionary()
    made = []

    def get() -> None:
        if things.get("one") is None:
            thing = Thing()
            made.append(thing)
            things["one"] = thing

    side_by_side(get)
    assert len(made) == 1


def test_a_method_of_a_weak_dictionary_is_an_access() -> None:
    finding = explore(weak_dictionary, strategy="exhaustive", executions=3000, seconds=99)
    assert finding.verdict == "reproduced", finding.report()


def test_finalisers_of_old_garbage_are_not_taken_for_what_the_body_does() -> None:
    lock = threading.Lock()

    class Old:
        def __del__(self) -> None:
            with lock:
                pass

    gc.disable()
    try:
        for _ in range(3):
            old = Old()
            old.__dict__["itself"] = old
        del old
        finding = explore(weak_dictionary, strategy="exhaustive", executions=3000, seconds=99)
    finally:
        gc.enable()
    assert finding.verdict == "reproduced", finding.report()
    assert finding.suspects == ()


def test_a_clock_that_a_library_reads_at_collections_is_not_read_by_the_body() -> None:
    from hypothesis.internal.conjecture.junkdrawer import gc_cumulative_time

    gc_cumulative_time()  # sets a callback, which reads the clock, for the rest of the process
    before = list(gc.callbacks)
    assert before
    finding = explore(weak_dictionary, strategy="exhaustive", executions=3000, seconds=99)
    assert finding.verdict == "reproduced", finding.report()
    assert gc.callbacks == before


def test_a_pass_that_rests_on_a_sleep_says_what_was_assumed() -> None:
    def body() -> None:
        result: list[int] = []
        thread = threading.Thread(target=result.append, args=(1,))
        thread.start()
        time.sleep(1)
        assert result == [1]
        thread.join()

    finding = explore(body, strategy="exhaustive", executions=3000)
    assert "no thread was taken to be more than 0.5 s late" in finding.reason


def test_a_pass_without_a_sleep_does_not_say_so() -> None:
    finding = explore(lambda: side_by_side(lambda: None), strategy="exhaustive")
    assert finding.verdict == "ruled out"
    assert "late" not in finding.reason


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_beside_a_thread_ends_and_makes_the_pass_inconclusive() -> None:
    def body() -> None:
        thread = threading.Thread(target=int)
        thread.start()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        thread.join()

    finding = explore(body, executions=20, patience_s=1.0)
    assert finding.failure is None
    assert finding.verdict == "inconclusive"
    assert "forked a process" in finding.reason


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_worker_beside_a_thread_is_no_false_alarm() -> None:
    def body() -> None:
        thread = threading.Thread(target=int)
        thread.start()
        worker = multiprocessing.get_context("fork").Process(target=int)
        worker.start()
        worker.join()
        thread.join()
        assert worker.exitcode == 0

    assert explore(body, executions=5, patience_s=1.0).failure is None
