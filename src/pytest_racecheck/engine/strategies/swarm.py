"""A weighted random walk: each task gets a random weight per execution, so some are starved.

The weights are drawn anew for every execution, as in swarm testing (Groce and others, "Swarm
Testing", ISSTA 2012); no parameter and no profile is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.strategies.sampling import Sampling
from pytest_racecheck.engine.task import Task

#: Weights are spread over this many powers of two.
SPREAD = 6


class Swarm(Sampling):
    """Choose in proportion to weights that the execution has drawn for its tasks."""

    name = "swarm"
    generation = 0

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def decider(self, n: int) -> Decider:
        """One set of weights."""
        return _Weights(Random(f"{self._seed}/swarm/{n}"))


class _Weights:
    def __init__(self, random: Random) -> None:
        self._draw = random.random
        self._weight: dict[int, float] = {}

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if late and (not enabled or self._draw() * LATE_ONE_IN < 1):
            enabled = late
        weights = [self._weight_of(task) for task in enabled]
        left = self._draw() * sum(weights)
        for task, weight in zip(enabled, weights, strict=True):
            left -= weight
            if left < 0:
                return task
        return enabled[-1]

    def _weight_of(self, task: Task) -> float:
        weight = self._weight.get(task.index)
        if weight is None:
            weight = self._weight[task.index] = float(2 ** (self._draw() * SPREAD))
        return weight
