"""The fewest preemptions with which a bench program fails in a certain way: proved, not guessed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice

from tests.bench.sctbench.counting import plan_of
from tests.bench.sctbench.programs import PROGRAMS

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.random_walk import RandomWalk

#: Programs whose threads are too many to run all their orders; that one preemption is needed is
#: plain to see.  Without one ...
BY_HAND = {
    "dining_7": "a philosopher takes both forks before another one begins",
    "reorder_10": "a setter has written both variables before a checker looks",
    "reorder_20": "a setter has written both variables before a checker looks",
    "reorder_50": "a setter has written both variables before a checker looks",
    "reorder_100": "a setter has written both variables before a checker looks",
    "twostage_20": "a writer has gone through both stages before the reader begins",
    "twostage_50": "a writer has gone through both stages before the reader begins",
    "twostage_100": "a writer has gone through both stages before the reader begins",
    "wronglock": "nobody comes between the two reads and the write of the guarded thread",
}


@dataclass(frozen=True)
class Fewest:
    """No schedule with fewer than ``least`` preemptions ends so; ``how`` that is known."""

    least: int
    how: str


def fewest(program: str, identity: tuple[str, str, str], *, seconds: float) -> Fewest:
    """Run every schedule with no preemption, then with one, ..., until one ends in the failure.

    An early time-out counts as a preemption.
    """
    body = PROGRAMS[program].broken
    strategy = Exhaustive()
    until_s = time.process_time() + seconds
    with controlled_runner(body, plan_of(body, "pos")) as runner:
        for decider in strategy.deciders():
            execution = runner.execute(decider)
            if execution.failures and execution.failures[0].identity == identity:
                least = 0 if strategy.preemptions is None else strategy.preemptions + 1
                return Fewest(least, "search")
            if time.process_time() > until_s:
                break
    proved = 0 if strategy.preemptions is None else strategy.preemptions + 1
    if not proved and program in BY_HAND:
        return Fewest(1, "by hand")
    return Fewest(proved, "search, not to its end")


def can_pass(program: str, schedules: int) -> bool:
    """Whether one of the first systematic ones, or of as many random ones, does not fail."""
    body = PROGRAMS[program].broken
    with controlled_runner(body, plan_of(body, "pos")) as runner:
        tries = (Exhaustive().deciders(), RandomWalk(0).deciders())
        deciders = (decider for some in tries for decider in islice(some, schedules))
        return any(not runner.execute(decider).failures for decider in deciders)
