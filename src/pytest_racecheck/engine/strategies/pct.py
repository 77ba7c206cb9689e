"""Random priorities with d - 1 demotions: probabilistic concurrency testing.

Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs", ASPLOS 2010.  A bug of depth d among n tasks and k choices is hit in one execution
with probability at least 1/(n * k**(d-1)).  Where we differ: k is learnt, with some slack; and a
task that only waits for time or re-reads unchanged state is demoted, because it would never let
the others move.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.promise import Promise
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.strategies.sampling import Sampling
from pytest_racecheck.engine.task import Task

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

#: The number of choices assumed before the first execution.
FIRST_GUESS = 10
#: One part in so many is assumed beyond the most choices seen: k creeps up by ones, and executions
#: whose places were drawn from too few choices are worth nothing.
SLACK = 8
_SPINNING = frozenset({"sleep", "yield", "try acquire", "poll"})


class PCT(Sampling):
    """Run the task of highest priority; demote it at ``depth - 1`` random choices.

    Of several depths the executions take one after the other.
    """

    def __init__(self, seed: int, depth: int | Sequence[int] = 3) -> None:
        self.name = "pct"
        self._seed = seed
        self._depths = (depth,) if isinstance(depth, int) else tuple(depth)
        self._assumed = FIRST_GUESS  # the k that is used
        self._learnt = False
        self.promise = Promise()  # what the executions so far are worth
        self._untold = Promise()  # the same, of what only this process knows

    @property
    def generation(self) -> int:  # type: ignore[override]
        """Executions are drawn alike as long as the same number of choices is assumed."""
        return self._assumed

    def decider(self, n: int) -> Decider:
        """One set of priorities; k is learnt from the executions before."""
        depth, choices = self._depths[n % len(self._depths)], self._assumed
        random = Random(f"{self._seed}/pct{depth}/{n}")
        points = random.sample(range(1, choices + 1), min(depth - 1, choices))
        return _Priorities(random, points, (depth, choices))

    def note(self, _: int, decider: Decider) -> None:
        """The number of choices that the execution had, and whether it went by priorities."""
        assert isinstance(decider, _Priorities)
        for promise in (self.promise, self._untold):
            promise.add(*decider.assumed, decider.made, decider.tasks, decider.not_obeyed)

    def take_in(self) -> None:
        """A number of choices that was enough is kept."""
        seen = self.promise.choices
        if seen and (not self._learnt or seen > self._assumed):
            self._assumed, self._learnt = seen + seen // SLACK, True
        self._untold = Promise()

    def told(self) -> Any:
        """What was noted since something was taken in."""
        return self._untold.packed()

    def hear(self, told: Any) -> None:
        """All of it counts."""
        self.promise.merge(told)


class _Priorities:
    def __init__(self, random: Random, points: list[int], assumed: tuple[int, int]) -> None:
        self._random = random
        self._change_at = {point: -1 - rank for rank, point in enumerate(points)}
        self._lowest = -1.0 - len(points)
        self._execution: Execution | None = None
        self._broken: str | None = None
        self.assumed = assumed  # depth, number of choices
        self.priority: dict[int, float] = {}
        self.made = 0

    def begin(self, execution: Execution) -> None:
        """The engine begins to run the body."""
        self._execution = execution

    @property
    def tasks(self) -> int:
        """How many tasks there were; without an engine, how many have been met."""
        return len(self.priority) if self._execution is None else len(self._execution.tasks)

    @property
    def not_obeyed(self) -> str | None:
        """Why this execution was not one of random priorities alone."""
        ran = self._execution
        if ran is not None and (ran.gave_way or ran.fixed_choices is not None):
            return "a task that read the same again and again had to give way"
        return self._broken

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        self.made += 1
        if late:
            self._broken = "time-outs could fire early"
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

    def choose(self, options: Sequence[Task], _: Task | None, __: Sequence[Task]) -> Task:
        """Of the waiters that may be woken, the one of highest priority."""
        self._broken = "which waiter is woken was to be chosen, which is no order of operations"
        return self.pick(options, None, ())

    def _highest(self, enabled: Sequence[Task]) -> Task:
        priority = self.priority
        return max(enabled, key=lambda task: priority[task.index])

    def _demote(self, task: Task) -> None:
        self._broken = "a task that only waits was demoted"
        self._lowest -= 1.0
        self.priority[task.index] = self._lowest
