"""Random priorities with d - 1 demotions: probabilistic concurrency testing.

Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs", ASPLOS 2010.  A bug of depth d among n tasks and k choices is hit in one execution
with probability at least 1/(n * k**(d-1)).  Where we differ: k is learnt, with some slack; and a
task that only waits for time or re-reads unchanged state is demoted, because it would never let
the others move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.promise import Promise
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.task import Task

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

#: The number of choices assumed before the first execution.
FIRST_GUESS = 10
#: One part in so many is assumed beyond the most choices seen: k creeps up by ones, and executions
#: whose places were drawn from too few choices are worth nothing.
SLACK = 8
_SPINNING = frozenset({"sleep", "yield", "try acquire", "poll"})


class PCT:
    """Run the task of highest priority; demote it at ``depth - 1`` random choices.

    Of several depths the executions take one after the other.
    """

    name = "pct"
    grade: str | None = None
    preemptions: int | None = None
    draws = True

    def __init__(self, seed: int, depth: int | Sequence[int] = 3) -> None:
        self._seed = seed
        self._depths = (depth,) if isinstance(depth, int) else tuple(depth)
        self._promise = Promise()
        self._assumed = FIRST_GUESS
        self._run: _Priorities | None = None  # of which nothing has been learnt yet

    def deciders(self) -> Iterator[Decider]:
        """Yield one set of priorities per execution; k is learnt from the executions before."""
        n = 0
        while True:
            depth = self._depths[n % len(self._depths)]
            random = Random(f"{self._seed}/pct{depth}/{n}")
            self._learn()
            choices = self._assumed
            points = random.sample(range(1, choices + 1), min(depth - 1, choices))
            self._run = _Priorities(random, points, (depth, choices))
            yield self._run
            n += 1

    def _learn(self) -> None:
        """From the latest execution; a number of choices that was enough is kept."""
        known, seen = self._promise.choices, self.promise.choices
        if seen and (not known or seen > self._assumed):
            self._assumed = seen + seen // SLACK

    @property
    def promise(self) -> Promise:
        """What the executions so far are worth."""
        run, self._run = self._run, None
        if run is not None:
            depth, assumed = run.assumed
            self._promise.add(depth, assumed, run.made, run.tasks)
            self._promise.broken = self._promise.broken or run.not_obeyed
        return self._promise

    @property
    def generation(self) -> int:
        """Executions are drawn alike as long as the same number of choices is assumed."""
        return self._assumed


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
