"""Selectively uniform random walk: even over the interleavings of one shared object's operations.

Zhao and others, "Selectively Uniform Concurrency Testing", ASPLOS 2025.  A task is chosen in
proportion to how many operations on the selected object it still has to do; the order of all
other operations is random.  Locks are objects like any other.  The counts are learnt: the first
execution is a plain random one, later ones add what they see.

Where we differ: in every other execution all tasks that run the same function count as one, so that
among a hundred alike the one that is not still comes first now and then; and an operation that
races with the one just done draws its priority again, as in POS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from pytest_racecheck.engine.dependence import location, only_reads
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.kinds import kind_of
from pytest_racecheck.engine.strategies.profile import Observation, Profile
from pytest_racecheck.engine.strategies.random_walk import LATE_ONE_IN
from pytest_racecheck.engine.strategies.sampling import Sampling
from pytest_racecheck.engine.task import Task

#: So many choices in a row the intended task may not have moved before another is intended.
MAX_HELD = 1000


class SelectivelyUniform(Sampling):
    """Each execution selects one shared object, more often one that is touched more often."""

    name = "surw"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._noted = Profile()
        self._profile = Profile()

    def decider(self, n: int) -> Decider:
        """One walk, by the profile of the executions before."""
        return _Walk(Random(f"{self._seed}/surw/{n}"), self._profile, by_kind=n % 2 == 0)

    def note(self, _: int, decider: Decider) -> None:
        """Who touched what how often."""
        assert isinstance(decider, _Walk)
        self._noted.add(decider.seen)

    def take_in(self) -> None:
        """Walk by the whole profile from now on."""
        if self._noted.grown:
            self._profile = Profile()
            self._profile.merge(self._noted.packed())
            self._noted.grown = False

    def told(self) -> Any:
        """The profile."""
        return self._noted.packed()

    def hear(self, told: Any) -> None:
        """Bring the profiles together."""
        self._noted.merge(told)


class _Walk:
    def __init__(self, random: Random, profile: Profile, by_kind: bool) -> None:
        self._draw = random.random
        self._by_kind = by_kind
        self._kinds: dict[int, str] = {}
        self._racing: dict[int, tuple[object, bool]] = {}  # what it touches, whether it only reads
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
        self._racing[task.index] = (location(task), only_reads(task))
        if name is not None and self._object_of.get(name) == self._selected:
            self._about.add(task.index)
        else:
            self._about.discard(task.index)

    def operation(self, task: Task) -> None:
        """``task`` moves; if that is an operation on the selected object, it has one less to do."""
        touched, reads = self._racing.pop(task.index, (None, True))
        if task.index not in self._about:
            if touched is not None:
                self._draw_again(touched, reads)
            return
        self._about.discard(task.index)
        self._count(task)
        self._left[task.index] = max(self._left[task.index] - 1, 0)
        self._release()

    def _draw_again(self, touched: object, reads: bool) -> None:
        """Those that race with what is done now have no longer lost against it."""
        for index, (other, only_reads_too) in self._racing.items():
            if other == touched and not (reads and only_reads_too):
                self._priority[index] = self._draw()

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
        weights = self._weights(able)
        left = self._draw() * sum(weights)
        for task, weight in zip(able, weights, strict=True):
            left -= weight
            if left < 0:
                return task.index
        return able[-1].index

    def _weights(self, able: list[Task]) -> list[float]:
        left = [max(self._left[task.index], task.index in self._about) for task in able]
        if not self._by_kind:
            return [float(number) for number in left]
        kinds = [self._kind(task) for task in able]
        members = Counter(kinds)
        return [number / members[kind] for number, kind in zip(left, kinds, strict=True)]

    def _kind(self, task: Task) -> str:
        kind = self._kinds.get(task.index)
        if kind is None:
            kind = self._kinds[task.index] = kind_of(task)
        return kind

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
