"""Partial order sampling: a random priority per operation, drawn anew after each race.

Yuan, Yang, Gu, "Partial Order Aware Concurrency Sampling", CAV 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pytest_racecheck.engine.dependence import location, only_reads
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.strategies.sampling import Sampling
from pytest_racecheck.engine.task import Task


class PartialOrderSampling(Sampling):
    """Run the operation of highest priority; those that race with it draw theirs again."""

    name = "pos"
    generation = 0

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def decider(self, n: int) -> Decider:
        """One independent sample."""
        return _Priorities(Random(f"{self._seed}/pos/{n}"))


class _Priorities:
    def __init__(self, random: Random) -> None:
        self._draw = random.random
        self._priority: dict[int, float] = {}

    def performed(self, task: Task) -> None:
        """The priority was that of the operation before."""
        self._priority.pop(task.index, None)

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if late and (not enabled or self._draw() * LATE_ONE_IN < 1):
            enabled = late
        priority = self._priority
        best, highest = enabled[0], -1.0
        for task in enabled:
            drawn = priority.get(task.index)
            if drawn is None:
                drawn = priority[task.index] = self._draw()
            if drawn > highest:
                best, highest = task, drawn
        self._forget_racing(best, enabled)
        return best

    def choose(self, options: Sequence[Task], _: Task | None, __: Sequence[Task]) -> Task:
        """Any waiter may be the one that is woken."""
        return options[int(self._draw() * len(options))]

    def _forget_racing(self, chosen: Task, enabled: Sequence[Task]) -> None:
        touched = location(chosen)
        if touched is None:
            return
        reads = only_reads(chosen)
        for task in enabled:
            if (
                task is not chosen
                and location(task) == touched
                and not (reads and only_reads(task))
            ):
                self._priority.pop(task.index, None)
