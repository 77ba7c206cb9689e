"""Random priorities with d - 1 demotions: probabilistic concurrency testing.

Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs", ASPLOS 2010.  A bug of depth d among n tasks and k choices is hit in one execution
with probability at least 1/(n * k**(d-1)).  Where we differ: a task that only waits for time or
re-reads unchanged state is demoted, because it would never let the others move.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.strategies.sampling import Sampling
from pytest_racecheck.engine.task import Task

#: The number of choices assumed before the first execution.
FIRST_GUESS = 10
_SPINNING = frozenset({"sleep", "yield", "try acquire", "poll"})


class PCT(Sampling):
    """Run the task of highest priority; demote it at ``depth - 1`` random choices."""

    def __init__(self, seed: int, depth: int = 3) -> None:
        self.name = "pct"
        self._seed = seed
        self._depth = depth
        self._noted = 0  # k, the largest number of choices seen so far
        self._choices = 0  # the k that is used

    def decider(self, n: int) -> Decider:
        """One set of priorities; k is learnt from the executions before."""
        random = Random(f"{self._seed}/pct{self._depth}/{n}")
        choices = self._choices or FIRST_GUESS
        points = random.sample(range(1, choices + 1), min(self._depth - 1, choices))
        return _Priorities(random, points)

    def note(self, _: int, decider: Decider) -> None:
        """The number of choices that the execution had."""
        assert isinstance(decider, _Priorities)
        self._noted = max(self._noted, decider.made)

    def take_in(self) -> None:
        """The largest number so far is k."""
        self._choices = self._noted

    def told(self) -> Any:
        """The largest number of choices."""
        return self._noted

    def hear(self, told: Any) -> None:
        """The larger one counts."""
        self._noted = max(self._noted, told)


class _Priorities:
    def __init__(self, random: Random, points: list[int]) -> None:
        self._random = random
        self._change_at = {point: -1 - rank for rank, point in enumerate(points)}
        self._lowest = -1.0 - len(points)
        self.priority: dict[int, float] = {}
        self.made = 0

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        self.made += 1
        if late and (not enabled or self._random.random() * LATE_ONE_IN < 1):
            enabled = late
        for task in enabled:
            if task.index not in self.priority:
                self.priority[task.index] = self._random.random()
        if current is not None and current.pending[0] in _SPINNING:
            self._demote(current)
        change = self._change_at.get(self.made)
        if change is not None:
            self.priority[self._highest(enabled).index] = float(change)
        return self._highest(enabled)

    def _highest(self, enabled: Sequence[Task]) -> Task:
        priority = self.priority
        return max(enabled, key=lambda task: priority[task.index])

    def _demote(self, task: Task) -> None:
        self._lowest -= 1.0
        self.priority[task.index] = self._lowest
