"""Which task touches which object how often, by names that are the same in every execution.

An object is named by who touches it: "the third thing that main/1 touches".  An object that several
tasks touch has several such names; they are brought together as executions show it.
"""

from __future__ import annotations

from typing import Any

from pytest_racecheck.engine.dependence import location
from pytest_racecheck.engine.task import Task

#: (path of a task, how many other objects it had touched before this one)
Name = tuple[str, int]


class Profile:
    """Counts accumulated over executions: the largest number of touches seen, per task."""

    def __init__(self) -> None:
        self.object_of: dict[Name, int] = {}
        self.counts: dict[int, dict[str, int]] = {}
        self._names: dict[int, list[Name]] = {}
        self._made = 0
        self.grown = False  # since somebody has set it to False

    def shared(self) -> list[int]:
        """The objects that at least two tasks touch."""
        return [at for at, counts in self.counts.items() if len(counts) > 1]

    def add(self, seen: Observation) -> None:
        """Learn from an execution that has ended."""
        names: dict[tuple[int, object], list[Name]] = {}
        for path, order in seen.order.items():
            for key, at in order.items():
                names.setdefault(key, []).append((path, at))
        for key, of_one in names.items():
            at = self._together(of_one)
            self._count(at, seen.counts[key])

    def packed(self) -> list[Any]:
        """Each object's names and counts, in an order that does not depend on who came first."""
        ordered = sorted((sorted(names), at) for at, names in self._names.items())
        return [[names, self.counts[at]] for names, at in ordered]

    def merge(self, packed: list[Any]) -> None:
        """Learn what another profile, ``packed``, has learnt."""
        for names, counts in packed:
            self._count(self._together([(path, order) for path, order in names]), counts)

    def _count(self, at: int, numbers: dict[str, int]) -> None:
        counts = self.counts[at]
        for path, number in numbers.items():
            if number > counts.get(path, 0):
                counts[path] = number
                self.grown = True

    def _together(self, names: list[Name]) -> int:
        """The one object that all ``names`` stand for."""
        known = sorted({self.object_of[name] for name in names if name in self.object_of})
        if not known:
            known = [self._made]
            self._made += 1
            self.counts[known[0]], self._names[known[0]] = {}, []
        at = known[0]
        for other in known[1:]:
            self.grown = True
            for path, number in self.counts.pop(other).items():
                self.counts[at][path] = max(self.counts[at].get(path, 0), number)
            for name in self._names.pop(other):
                self.object_of[name] = at
                self._names[at].append(name)
        for name in names:
            if name not in self.object_of:
                self.grown = True
                self.object_of[name] = at
                self._names[at].append(name)
        return at


class Observation:
    """What one execution touches; the keys are valid within it only."""

    def __init__(self) -> None:
        self.order: dict[str, dict[tuple[int, object], int]] = {}
        self.counts: dict[tuple[int, object], dict[str, int]] = {}

    def name(self, task: Task) -> Name | None:
        """The name of what the pending operation of ``task`` is about."""
        key = location(task)
        if key is None:
            return None
        order = self.order.get(task.path)
        if order is None:
            order = self.order[task.path] = {}
        at = order.get(key)
        if at is None:
            at = order[key] = len(order)
            self.counts.setdefault(key, {})
        counts = self.counts[key]
        counts[task.path] = counts.get(task.path, 0) + 1
        return task.path, at
