"""The upper bound on unseen behaviour against the truth, where every class and its odds are known.

A random walk chooses uniformly, so the probability of a schedule is a product of one over the
number of options, and that of a class is the sum over its schedules, all of which are run once.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from math import prod, sqrt
from random import Random

import pytest

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.odds import CONFIDENCE, unseen_of
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.behaviours import Tally
from pytest_racecheck.engine.explore import search
from pytest_racecheck.engine.fingerprint import Watched
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from pytest_racecheck.free.binomial import at_most
from reduced_programs import PROGRAMS, writing

#: From one class to hundreds, from even to very uneven.
BODIES = {
    "two_variables": PROGRAMS["two_variables"],
    "lost_update": PROGRAMS["lost_update"],
    "guarded": PROGRAMS["guarded"],
    **{
        f"writing {counts}": partial(writing, *counts)
        for counts in [(3, 3), (7, 1), (5, 2), (2, 2, 1), (4, 3), (6, 5)]
    },
}
MOST_SCHEDULES = 4000


@cache
def odds_of_classes(name: str) -> dict[int, float]:
    """The probability of each class under a random walk."""
    odds: Counter[int] = Counter()
    with controlled_runner(BODIES[name], Plan()) as runner:
        runner.execute(next(Exhaustive().deciders()))  # imports what it imports
        for n, decider in enumerate(Exhaustive().deciders()):
            assert n < MOST_SCHEDULES, f"{name} is too large"
            watched = Watched(decider)
            execution = runner.execute(watched)
            odds[watched.fingerprint] += prod(1 / options for _, options, _ in execution.decisions)
    assert sum(odds.values()) == pytest.approx(1.0)
    return dict(odds)


def held(odds: dict[int, float], draws: int, repetitions: int, shrink: float = 1.0) -> int:
    """In how many repetitions the bound, times ``shrink``, is no less than what is unseen."""
    random, count = Random(draws), 0
    classes, weights = list(odds), list(odds.values())
    for _ in range(repetitions):
        drawn = random.choices(classes, weights, k=draws)
        unseen = 1.0 - sum(odds[one] for one in set(drawn))
        said = unseen_of("random", Tally(draws, drawn))
        assert said is not None
        count += said.at_most * shrink >= unseen - 1e-12
    return count


@pytest.mark.parametrize("name", ["guarded", "writing (3, 3)", "writing (7, 1)"])
def test_the_engine_draws_classes_as_often_as_reckoned(name):
    """Also that what is looked at is a fair sample: what is due is drawn like the rest."""
    odds, seen = odds_of_classes(name), Counter()
    with controlled_runner(BODIES[name], Plan()) as runner:
        for seed in range(15):
            found = search(runner, RandomWalk(seed), executions=20, seconds=60)
            seen.update(found.behaviours.tallies["random"].classes)
    draws = sum(seen.values())
    assert draws == 15 * 20
    for one, share in odds.items():
        deviation = sqrt(share * (1 - share) / draws)
        assert abs(seen[one] / draws - share) <= 5 * deviation + 1e-9
    assert set(seen) <= set(odds)


@pytest.mark.parametrize("name", ["two_variables", "writing (3, 3)", "writing (6, 5)"])
def test_the_bound_holds_as_often_as_it_says(name):
    assert held(odds_of_classes(name), draws=50, repetitions=100) >= CONFIDENCE * 100


@pytest.mark.slow
@pytest.mark.parametrize("draws", [20, 50, 100, 400])
@pytest.mark.parametrize("name", BODIES)
def test_the_bound_holds_as_often_as_it_says_over_all_programs(name, draws):
    repetitions = 1000
    count = held(odds_of_classes(name), draws, repetitions)
    print(f"{name}, {draws} executions: the bound held in {count / repetitions:.1%}")
    assert count >= CONFIDENCE * repetitions


def test_a_bound_that_is_too_low_is_noticed():
    """The same measurement, of a quarter of the bound, falls short of 95 % beyond chance."""
    repetitions = 100
    count = held(odds_of_classes("writing (6, 5)"), 50, repetitions, shrink=0.25)
    assert at_most(count, repetitions, CONFIDENCE) < 1e-6


def test_the_estimate_is_right_in_the_mean():
    """Good 1953: singletons over draws is what was unseen one draw earlier, in the mean."""
    odds, random, draws = odds_of_classes("writing (6, 5)"), Random(0), 100
    classes, weights, estimates, unseen = list(odds), list(odds.values()), [], []
    for _ in range(150):
        drawn = random.choices(classes, weights, k=draws)
        said = unseen_of("random", Tally(draws, drawn))
        assert said is not None
        estimates.append(said.estimate)
        unseen.append(1.0 - sum(odds[one] for one in set(drawn[1:])))
    assert sum(estimates) / 150 == pytest.approx(sum(unseen) / 150, abs=0.01)


def test_nothing_is_said_of_draws_that_were_not_alike():
    alike = Tally(40, [1] * 40, alike_from=20)
    assert unseen_of("pct", alike) is not None
    assert unseen_of("pct", Tally(40, [1] * 40, alike_from=21)) is None
    assert unseen_of("random", Tally(19, [1] * 19)) is None
