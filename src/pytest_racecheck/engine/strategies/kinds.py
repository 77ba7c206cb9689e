"""Random priorities for kinds of tasks: many tasks that do the same count as one.

As in PCT (Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees of Finding
Bugs", ASPLOS 2010) the task of highest priority runs, and is demoted at one or two random places.
Where we differ: tasks that run the same function are of one kind.  Who comes next is drawn among
the kinds, and the places among the operations of each kind, so that a hundred equal tasks make a
bug between two of them no harder to find than two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.task import Task

#: A task is demoted at so many places, in turn.
CHANGES = (1, 2)
_SPINNING = frozenset({"sleep", "yield", "try acquire", "poll"})
_NO_PLACE = frozenset({"begin", "join", "end"})

#: How many operations a task of this kind has done when it is demoted.
Place = tuple[str, int]


class PriorityByKind:
    """Draw priorities among kinds; which kinds there are is learnt from the executions before."""

    name = "kinds"
    grade: str | None = None
    preemptions: int | None = None
    draws = True

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.places: dict[Place, None] = {}  # in the order in which they were first met
        self.members: dict[str, int] = {}  # kind -> the most tasks of it in one execution

    def deciders(self) -> Iterator[Decider]:
        """Yield one set of priorities per execution, for ever."""
        n = 0
        while True:
            random = Random(f"{self._seed}/kinds/{n}")
            known = list(self.places)
            places = random.sample(known, min(CHANGES[n % len(CHANGES)], len(known)))
            run = _Priorities(random, self.members, places)
            yield run
            self.places.update(dict.fromkeys(run.met))
            for kind, number in run.numbers.items():
                self.members[kind] = max(self.members.get(kind, 0), number)
            n += 1


def kind_of(task: Task) -> str:
    """What ``task`` runs: where its function is written, or the class of its thread."""
    if task.thread is None:
        return task.name
    function: Any = getattr(task.thread, "_target", None)
    while hasattr(function, "func"):  # partial objects
        function = function.func
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return type(task.thread).__qualname__
    return f"{code.co_filename}:{code.co_firstlineno}:{code.co_qualname}"


class _Priorities:
    def __init__(self, random: Random, members: dict[str, int], places: list[Place]) -> None:
        self._random = random
        self._members = members
        self._places = set(places)
        self._arrivals: dict[str, list[float]] = {}
        self._priority: dict[int, float] = {}
        self._lowest = -1e9
        self._kinds: dict[int, str] = {}
        self._done: dict[int, int] = {}  # task index -> operations that it has done
        self.met: dict[Place, None] = {}
        self.numbers: dict[str, int] = {}

    def operation(self, task: Task) -> None:
        """``task`` performs its pending operation; before it was a place to demote its kind."""
        kind, done = self._kind(task), self._done[task.index]
        if task.pending[0] not in _NO_PLACE:
            self.met[kind, done] = None
        self._done[task.index] = done + 1

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if late and (not enabled or self._random.random() * LATE_ONE_IN < 1):
            enabled = late
        if current is not None and current.pending[0] in _SPINNING:
            self._demote(current)
        while True:
            task = max(enabled, key=self._priority_of)
            place = (self._kind(task), self._done[task.index])
            if place not in self._places:
                return task
            self._places.discard(place)
            self._demote(task)

    def choose(self, options: Sequence[Task], _: Task | None, __: Sequence[Task]) -> Task:
        """Any waiter may be the one that is woken."""
        return options[int(self._random.random() * len(options))]

    def _demote(self, task: Task) -> None:
        self._lowest -= 1.0
        self._priority[task.index] = self._lowest

    def _kind(self, task: Task) -> str:
        kind = self._kinds.get(task.index)
        if kind is None:
            kind = self._kinds[task.index] = kind_of(task)
            self._done[task.index] = 0
            self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return kind

    def _priority_of(self, task: Task) -> float:
        priority = self._priority.get(task.index)
        if priority is None:
            priority = self._priority[task.index] = -self._arrival(self._kind(task))
        return priority

    def _arrival(self, kind: str) -> float:
        """When a task of this kind comes, if tasks of each kind come at random at the same rate.

        Then the next one to come is of each kind with the same probability, however many there are.
        """
        left = self._arrivals.get(kind)
        if left is None:
            time, left = 0.0, []
            for _ in range(self._members.get(kind, 1)):
                time += self._random.expovariate(1.0)
                left.append(time)
            self._random.shuffle(left)
            self._arrivals[kind] = left
        if left:
            return left.pop()
        # More of them than ever before: they come after those that were expected.
        return self.numbers[kind] + self._random.expovariate(1.0)
