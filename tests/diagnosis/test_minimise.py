"""Minimising ends at the fewest preemptions there are, with the same failure, within its budget."""

from __future__ import annotations

import pytest

from minimise_programs import FEWEST, condition_if, dining, late_check
from pytest_racecheck import explore, replay
from pytest_racecheck.diagnosis import minimise as minimising
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.minimise import MAX_REPLAYS, minimise
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.diagnosis.turns import Course, Turn
from pytest_racecheck.engine.explore import search
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from twins import Box, together

SEEDS = range(12)


def minimised(body, seeds=SEEDS, strategy="random"):
    """What minimising makes of the first failures of ``body``, each replayed once more."""
    made = []
    with controlled_runner(body, Plan(), None) as runner:
        for seed in seeds:
            options = StrategyOptions(seed=seed)
            found = search(runner, make_strategy(strategy, options), executions=2000, seconds=20)
            first = found.failed.failures[0]
            simple = minimise(runner, found.schedule, first, 60)
            again = runner.replay(simple.schedule)
            assert again.divergence is None
            assert first.identity == again.failures[0].identity
            assert again.preemptions == simple.preemptions
            made.append(simple)
    return made


def fewest_by_search(body):
    with controlled_runner(body, Plan(), None) as runner:
        found = search(runner, Exhaustive(), executions=20_000, seconds=120)
        return found.failed.preemptions


@pytest.mark.parametrize("body", FEWEST, ids=lambda body: body.__name__)
def test_the_fewest_preemptions_are_reached(body):
    made = minimised(body)
    assert {simple.preemptions for simple in made} == {FEWEST[body]}
    assert max(simple.replays for simple in made) <= MAX_REPLAYS


@pytest.mark.parametrize("body", FEWEST, ids=lambda body: body.__name__)
def test_the_fewest_preemptions_are_what_a_search_of_all_finds(body):
    assert fewest_by_search(body) == FEWEST[body]


def test_a_wait_behind_an_if_is_told_with_few_preemptions():
    """It was once told with eighteen."""
    assert max(simple.preemptions for simple in minimised(condition_if)) <= 1


def torn_or_too_early():
    """The reader fails in two ways; the one that needs no preemption is another failure."""
    box = Box()

    def write():
        box.value = 1
        box.value = 2

    def read():
        seen = box.value
        assert seen != 1, "torn"
        assert seen != 0, "too early"

    together(write, read)


def test_a_simpler_schedule_with_another_failure_is_not_taken():
    made = minimised(torn_or_too_early)
    assert {simple.preemptions for simple in made} == {0, 1}


def test_no_replay_is_begun_that_may_not_fit_into_the_time(monkeypatch):
    """Each look at the clock is 20 ms later, so that a replay seems to take as long."""
    ticks = iter(range(10_000))
    monkeypatch.setattr(minimising, "real_perf_s", lambda: next(ticks) * 0.02)
    body = dining
    with controlled_runner(body, Plan(), None) as runner:
        random = make_strategy("random", StrategyOptions())
        found = search(runner, random, executions=2000, seconds=20)
        simple = minimise(runner, found.schedule, found.failed.failures[0])
    assert 5 < simple.replays < MAX_REPLAYS
    # The last look of all is the one that says how long it took, behind the one that said no.
    assert simple.seconds <= minimising.MAX_SECONDS + 2 * 0.02
    assert not simple.exact


def test_who_would_wait_for_a_lock_is_stopped_before_instead():
    lets_wait = Course((Turn(3, 3), Turn(2, waits=3), Turn(3), Turn(2)))
    (found,) = minimising._stopped_where_it_waited(lets_wait, 0)
    assert found.turns == (Turn(2, 3), Turn(3), Turn(2))
    assert not [*minimising._stopped_where_it_waited(lets_wait, 1)]


def test_the_test_itself_moves_when_its_threads_have_ended():
    """Else it would step from the end of each to the end of the next."""
    for simple in minimised(late_check, range(3)):
        assert simple.cost.turns == 5, "the test, its three threads, and the test"
        assert simple.cost.departures == len(simple.course.turns) == 0


def test_something_was_there_to_leave_out():
    made = minimised(next(iter(FEWEST)))
    assert max(simple.found_with for simple in made) > 2


def test_a_schedule_that_does_not_fail_again_is_not_simplified():
    body = next(iter(FEWEST))
    with controlled_runner(body, Plan(), None) as runner:
        random = make_strategy("random", StrategyOptions(seed=1))
        found = search(runner, random, executions=2000, seconds=20)
        passing = found.first or search(runner, Exhaustive(), executions=1, seconds=20).first
        assert minimise(runner, passing, found.failed.failures[0]) is None


def test_a_finding_is_told_with_the_simplest_schedule():
    for body, fewest in FEWEST.items():
        finding = explore(body, strategy="random", executions=2000)
        assert finding.preemptions == fewest, finding.report()
        again = replay(body, finding.schedule)
        assert again.verdict == "reproduced"
        assert again.failure == finding.failure
