"""A simpler schedule with the same failure: search again from the fewest preemptions upwards.

Because the systematic strategy goes by the number of preemptions, the first schedule it finds that
ends in the same failure has the fewest possible, as far as the budget reaches.
"""

from __future__ import annotations

from pytest_racecheck.engine.clock import real_perf_s
from pytest_racecheck.engine.explore import Exploration, Runner, kept_choices, same_failure
from pytest_racecheck.engine.schedule import Schedule, record
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive

MAX_REPLAYS = 300
MAX_SECONDS = 1.0


def simplest(runner: Runner, found: Exploration, seconds: float) -> tuple[Schedule, int]:
    """The schedule with the fewest preemptions that could be found, and their number."""
    assert found.failed is not None
    assert found.schedule is not None
    first, fewest = found.failed.failures[0], found.failed.preemptions
    best = (found.schedule, fewest)
    if fewest == 0 or found.schedule.strategy == "exhaustive":
        return best
    begun = real_perf_s()
    for tried, decider in enumerate(Exhaustive(fewest - 1).deciders()):
        if tried >= MAX_REPLAYS or real_perf_s() - begun > min(MAX_SECONDS, seconds):
            return best
        execution = runner.execute(decider)
        if execution.lost or execution.divergence is not None:
            return best
        if execution.failures and same_failure(first, execution.failures[0]):
            return record("exhaustive", kept_choices(execution)), execution.preemptions
    return best
