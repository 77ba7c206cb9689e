"""Selectively uniform random walk: even over the interleavings of one shared object's operations.

Zhao and others, "Selectively Uniform Concurrency Testing", ASPLOS 2025.  A task is chosen in
proportion to how many operations on the selected object it still has to do; the order of all
other operations is random.  Locks are objects like any other.  The counts are learnt: the first
execution is a plain random one, later ones add what they see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.profile import Observation, Profile
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.task import Task

#: So many choices in a row the intended task may not have moved before another is intended.
MAX_HELD = 1000


class SelectivelyUniform:
    """Each execution selects one shared object, more often one that is touched more often."""

    name = "surw"
    grade: str | None = None
    preemptions: int | None = None
    draws = True

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.profile = Profile()

    def deciders(self) -> Iterator[Decider]:
        """Yield one walk per execution, for ever; the profile grows in between."""
        n = 0
        while True:
            walk = _Walk(Random(f"{self._seed}/surw/{n}"), self.profile)
            yield walk
            self.profile.add(walk.seen)
            n += 1


class _Walk:
    def __init__(self, random: Random, profile: Profile) -> None:
        self._draw = random.random
        self._object_of = profile.object_of
        self.seen = Observation()
        shared = profile.shared()
        weights = [sum(profile.counts[at].values()) for at in shared]
        self._selected = random.choices(shared, weights)[0] if shared else None
        self._counts = profile.counts[self._selected] if self._selected is not None else {}
        self._left: dict[int, int] = {}  # task index -> operations to come, with its children's
        self._paths: dict[str, int] = {}
        self._about: set[int] = set()  # tasks whose pending operation is on the selected object
        self._priority: dict[int, float] = {}
        self._held: set[int] = set()
        self._waited = 0
        self._intended: int | None = None

    def performed(self, task: Task) -> None:
        """``task`` shows its next operation, which may be on the selected object."""
        name = self.seen.name(task)
        self._priority[task.index] = self._draw()
        if name is not None and self._object_of.get(name) == self._selected:
            self._about.add(task.index)
        else:
            self._about.discard(task.index)

    def operation(self, task: Task) -> None:
        """``task`` moves: one operation on the selected object is done."""
        if task.index not in self._about:
            return
        self._about.discard(task.index)
        self._count(task)
        self._left[task.index] = max(self._left[task.index] - 1, 0)
        self._release()

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if late and (not enabled or self._draw() * LATE_ONE_IN < 1):
            return late[int(self._draw() * len(late))]
        for task in enabled:
            self._count(task)
        able = [task for task in enabled if task.index not in self._held]
        self._waited += 1
        if not able or self._waited > MAX_HELD:
            self._release()
            able = list(enabled)
        return self._highest_but_held(able)

    def choose(self, options: Sequence[Task], _: Task | None, __: Sequence[Task]) -> Task:
        """Any waiter may be the one that is woken."""
        return options[int(self._draw() * len(options))]

    def _highest_but_held(self, able: list[Task]) -> Task:
        while True:
            task = max(able, key=self._priority_of)
            if task.index not in self._about or len(able) == 1:
                return task
            if self._intended is None:
                self._intended = self._by_what_is_left(able)
            if task.index == self._intended:
                return task
            self._held.add(task.index)
            able.remove(task)

    def _by_what_is_left(self, able: list[Task]) -> int:
        weights = [max(self._left[task.index], task.index in self._about) for task in able]
        left = self._draw() * sum(weights)
        for task, weight in zip(able, weights, strict=True):
            left -= weight
            if left < 0:
                return task.index
        return able[-1].index

    def _priority_of(self, task: Task) -> float:
        drawn = self._priority.get(task.index)
        if drawn is None:
            drawn = self._priority[task.index] = self._draw()
        return drawn

    def _release(self) -> None:
        self._held.clear()
        self._intended = None
        self._waited = 0

    def _count(self, task: Task) -> None:
        """Take up a task when it is first seen; what it will do was counted as its parent's."""
        if task.index in self._left:
            return
        below = task.path + "/"
        own = sum(
            number
            for path, number in self._counts.items()
            if path == task.path or path.startswith(below)
        )
        self._left[task.index] = own
        self._paths[task.path] = task.index
        parent = self._paths.get(task.path.rpartition("/")[0])
        if parent is None or not own:
            return
        if self._intended == parent and self._draw() * max(self._left[parent], 1) < own:
            self._intended = task.index
        self._left[parent] = max(self._left[parent] - own, 0)
