"""Minimising ends at the fewest preemptions there are, with the same failure, within its budget."""

from __future__ import annotations

import pytest

from minimise_programs import FEWEST, condition_if
from pytest_racecheck import explore, replay
from pytest_racecheck.diagnosis.find import Plan, controlled_runner
from pytest_racecheck.diagnosis.minimise import MAX_REPLAYS, minimise
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
