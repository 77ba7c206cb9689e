"""A coin at every scheduling point; execution n depends on the seed and n only."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.sampling import Sampling
from pytest_racecheck.engine.task import Task

#: How often a time-out fires although somebody else could move (Coyote's figure).
LATE_ONE_IN = 10


class RandomWalk(Sampling):
    """Choose uniformly among the tasks that can move."""

    name = "random"
    generation = 0

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def decider(self, n: int) -> Decider:
        """One independent walk."""
        return _Coin(Random(f"{self._seed}/random/{n}"))


class _Coin:
    def __init__(self, random: Random) -> None:
        self._toss = random.random

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if late and (not enabled or self._toss() * LATE_ONE_IN < 1):
            enabled = late
        return enabled[int(self._toss() * len(enabled))]
