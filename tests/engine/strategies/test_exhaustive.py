"""Exhaustive search runs every schedule once, those with the fewest preemptions first."""

from __future__ import annotations

import threading
from itertools import islice
from math import comb, factorial, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_racecheck import explore
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.errors import Divergence
from reduced_programs import ORDERS
from strategy_programs import acquire, every_run, plain, release, run


def all_runs(program, bound=None):
    strategy = Exhaustive(bound)
    runs = [run(program, decider) for decider in strategy.deciders()]
    return strategy, runs


@pytest.mark.parametrize(("a", "b"), [(0, 3), (1, 1), (1, 4), (2, 2), (3, 3), (4, 5)])
def test_two_tasks_have_as_many_schedules_as_there_are_interleavings(a, b):
    _, runs = all_runs([plain(a), plain(b)])
    assert len(runs) == comb(a + b, a)
    assert len({tuple(one.order) for one in runs}) == comb(a + b, a)


@pytest.mark.parametrize("lengths", [(1, 1, 1), (2, 2, 2), (1, 2, 3), (1, 1, 1, 1)])
def test_more_tasks_have_a_multinomial_number(lengths):
    _, runs = all_runs([plain(length) for length in lengths])
    assert len(runs) == factorial(sum(lengths)) // prod(map(factorial, lengths))


TAKE = [acquire("a"), release("a")]
PROGRAMS = {
    "a lock": [TAKE, TAKE],
    "a lock with work around it": [[*plain(1), *TAKE, *plain(1)]] * 2,
    "three at a lock": [TAKE] * 3,
    "deadlock": [
        [acquire("a"), acquire("b"), release("b"), release("a")],
        [acquire("b"), acquire("a"), release("a"), release("b")],
    ],
    "one that can never move": [plain(2), [(lambda _: False, lambda _: None)]],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_schedule_is_run_and_none_twice(name):
    strategy, runs = all_runs(PROGRAMS[name])
    expected = [tuple(one.choices) for one in every_run(PROGRAMS[name])]
    assert len(set(expected)) == len(expected)
    assert sorted(tuple(one.choices) for one in runs) == sorted(expected)
    assert strategy.grade == "exhausted"


steps = st.sampled_from([*plain(1), acquire("a"), release("a"), acquire("b"), release("b")])
programs = st.lists(st.lists(steps, max_size=3), min_size=1, max_size=3)


@given(programs, st.sampled_from([None, 0, 1, 2]))
@settings(max_examples=150, deadline=None, database=None, derandomize=True)
def test_any_program_has_exactly_its_schedules_within_the_bound(program, bound):
    strategy, runs = all_runs(program, bound)
    within = [one for one in every_run(program) if bound is None or one.preemptions <= bound]
    assert sorted(tuple(one.choices) for one in runs) == sorted(
        tuple(one.choices) for one in within
    )
    beyond = bound is not None and any(one.preemptions > bound for one in every_run(program))
    assert strategy.grade == ("bounded" if beyond else "exhausted")


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_the_bound_reached_is_the_one_that_was_finished(bound):
    program = [plain(4), plain(4)]
    strategy, runs = all_runs(program, bound)
    assert strategy.preemptions == bound
    assert max(one.preemptions for one in runs) == bound


def test_fewer_preemptions_come_first():
    _, runs = all_runs([plain(3), plain(3)])
    counts = [one.preemptions for one in runs]
    assert counts == sorted(counts)


def test_nothing_is_claimed_before_it_is_done():
    strategy = Exhaustive()
    for decider in islice(strategy.deciders(), 3):
        run([plain(3), plain(3)], decider)
        assert strategy.grade in (None, "bounded")
    assert (strategy.grade, strategy.preemptions) == ("bounded", 0)


def test_a_program_that_changes_is_a_divergence_that_names_the_choice():
    deciders = Exhaustive().deciders()
    run([plain(2), plain(2)], next(deciders))
    follower = next(deciders)
    with pytest.raises(Divergence, match=r"choice 1: task 1 could move .* only main/0, main/2 can"):
        run([plain(2), [], plain(1)], follower)


# ------------------------------------------------------------------------------- on real threads


def looks(count):
    """A thread with ``count`` operations, and the point at its beginning."""
    lock = threading.Lock()

    def look():
        for _ in range(count):
            lock.locked()

    threading.Thread(target=look).start()


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 1), (1, 2), (2, 3)])
def test_real_threads_have_as_many_schedules_as_there_are_interleavings(a, b):
    def body():  # does not wait for them, so it makes no choices of its own
        looks(a)
        looks(b)

    finding = explore(body, points="sync", strategy="bounded", preemptions=99, executions=5000)
    assert (finding.verdict, finding.grade) == ("ruled out", "exhausted")
    assert finding.executions == comb(a + b + 2, a + 1)


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_real_threads_have_as_many_schedules_within_a_bound(bound):
    def body():
        looks(2)
        looks(2)

    finding = explore(body, points="sync", strategy="bounded", preemptions=bound, executions=5000)
    within = [one for one in every_run([plain(3), plain(3)]) if one.preemptions <= bound]
    assert (finding.verdict, finding.executions) == ("ruled out", len(within))
    assert finding.preemptions == bound


def test_real_locks_leave_as_many_schedules_as_their_model():
    def body():
        lock = threading.Lock()

        def take():
            with lock:
                pass

        threading.Thread(target=take).start()
        threading.Thread(target=take).start()

    finding = explore(body, points="sync", strategy="bounded", preemptions=99, executions=5000)
    model = [[*plain(1), acquire("a"), release("a")]] * 2
    assert finding.executions == len(list(every_run(model)))


def test_a_time_out_that_fires_early_is_within_a_bound():
    finding = explore(ORDERS["timed_out"], points="sync", strategy="bounded", preemptions=1)
    assert (finding.verdict, finding.failure and finding.failure.type) == ("reproduced", "Empty")
