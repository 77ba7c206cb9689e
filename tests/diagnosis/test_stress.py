"""Stress: rates and what they are worth, hangs and crashes, and nothing that is left behind."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading

import pytest

import injected_programs as programs
from pytest_racecheck import barrier, delay, explore, stress
from pytest_racecheck.errors import Misplaced, NeverFired, UsageError

STORE = "injected_programs:Till.store"


def add(till):
    till.add()


def add_locked(till):
    till.add_locked()


def add_late(till):
    with delay(STORE, 5):
        till.add()


def add_late_locked(till):
    with delay(STORE, 5):
        till.add_locked()


def nothing_is_lost(till):
    assert till.total == 2, "an update was lost"


def test_the_twins_and_what_a_clean_sample_is_worth():
    bad = stress(add_late, setup=programs.Till, check=nothing_is_lost, repeats=10)
    assert bad.verdict == "reproduced"
    assert {one.kind for one in bad.failures} == {"assertion"}
    low, high = bad.interval
    assert 0 < low <= bad.rate.share <= high <= 1
    good = stress(
        add_late_locked,
        setup=programs.Till,
        check=nothing_is_lost,
        positive_control=add_late,
        repeats=10,
    )
    assert (good.verdict, good.grade) == ("inconclusive", "statistical"), good.report()
    assert "its control add_late failed in" in good.reason
    assert "injected: delay of 5 ms" in good.report()


def test_a_control_that_does_not_fail_shows_nothing():
    found = stress(
        add_locked,
        setup=programs.Till,
        check=nothing_is_lost,
        positive_control=add_locked,
        repeats=5,
    )
    assert found.grade is None
    assert "no power: its control add_locked failed in 0 of 5 runs" in found.reason


def take_twice(lock):
    with lock, lock:
        raise AssertionError("unreachable")


def test_a_hang_is_told_with_the_stacks_of_all_threads():
    found = stress(take_twice, setup=threading.Lock, repeats=2, deadline_s=0.3)
    assert [one.kind for one in found.failures] == ["hang", "hang"]
    assert found.failures[0].text.count("in take_twice") == 2
    assert found.failures[0].where.startswith("test_stress.py:")


def test_a_crash_costs_one_run():
    found = stress(lambda: os.abort(), repeats=2)
    assert [(one.kind, one.type) for one in found.failures] == [("crash", "SIGABRT")] * 2
    assert found.rate.runs == 2


def test_the_switch_interval_is_drawn_for_each_run_and_put_back():
    before = sys.getswitchinterval()

    def tell():
        raise ValueError(sys.getswitchinterval())

    found = stress(tell, repeats=6, threads=1, switch_interval=(1e-5, 1e-3))
    drawn = [float(one.message) for one in found.failures]
    assert len(set(drawn)) == 6
    assert all(0.9e-5 <= one <= 1.1e-3 for one in drawn)
    again = stress(tell, repeats=6, threads=1, switch_interval=(1e-5, 1e-3))
    assert [one.message for one in again.failures] == [one.message for one in found.failures]
    other = stress(tell, repeats=6, threads=1, switch_interval=(1e-5, 1e-3), seed=1)
    assert [one.message for one in other.failures] != [one.message for one in found.failures]
    assert sys.getswitchinterval() == before
    assert not multiprocessing.active_children()


def test_all_threads_are_there_at_once():
    def meet():
        with barrier("injected_programs:plain", 4, within_s=20):
            programs.plain(1)

    assert stress(meet, threads=1, repeats=1, seconds=1, deadline_s=1).verdict == "reproduced"

    def with_others(meeting):
        programs.plain(1)

    def setup():
        return barrier("injected_programs:plain", 4, within_s=20)

    found = stress(with_others, setup=setup, check=lambda met: met.disarm(), threads=4, repeats=3)
    assert found.verdict == "inconclusive", found.report()
    assert found.injected[0].fired == 12


def test_the_budget_ends_it_and_the_runs_are_counted():
    import time

    found = stress(lambda: time.sleep(0.01), repeats=1000, seconds=0.1)
    assert 1 <= found.rate.runs < 1000


def test_what_never_fired_is_an_error():
    def body():
        with delay("never passed", 1):
            pass

    with pytest.raises(NeverFired, match="never passed"):
        stress(body, repeats=2)


def test_a_thread_that_the_body_leaves_fails_the_run_as_well():
    def body():
        threading.Thread(target=lambda: 1 / 0).start()

    found = stress(body, repeats=2, threads=1)
    assert [one.type for one in found.failures] == ["ZeroDivisionError"] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"threads": 0}, "threads=0"),
        ({"repeats": 1.5}, "repeats=1.5"),
        ({"deadline_s": -1}, "deadline_s=-1"),
        ({"seconds": float("inf")}, "seconds=inf"),
        ({"switch_interval": (2, 1)}, "the smaller first"),
        ({"switch_interval": "fast"}, "switch_interval='fast'"),
        ({"seed": "x"}, "seed='x'"),
        ({"times": 1}, "unknown argument 'times'"),
        ({"setup": 1}, "something to call"),
    ],
)
def test_arguments_that_make_no_sense(arguments, said):
    with pytest.raises(UsageError) as caught:
        stress(add, **arguments)
    assert said in str(caught.value)


def test_inside_a_search_there_are_no_free_threads():
    with pytest.raises(Misplaced, match="needs free threads"):
        explore(lambda: stress(add, repeats=1))
