"""Schedules with few preemptions, fewest first, without those that differ in nothing that matters.

As ``strategies/exhaustive.py``, but tasks are interrupted only where another can tell
(``shared.py``), and of several tasks that have not begun and would run the same function only the
first is tried.  That is a guess, for their names may matter, so nothing is ruled out by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

from pytest_racecheck.diagnosis.shared import Sharing
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence

#: It does not matter when these happen: nobody waits for them, and what they saw cannot change.
_UNSEEN = ("join", "end")


class Below:
    """Schedules with at most ``bound`` preemptions."""

    def __init__(self, bound: int, sharing: Sharing) -> None:
        self._bound = bound
        self._sharing = sharing

    def deciders(self) -> Iterator[Decider]:
        """Yield deciders level by level."""
        level: deque[tuple[int, ...]] = deque([()])
        for _ in range(self._bound + 1):
            beyond: deque[tuple[int, ...]] = deque()
            while level:
                yield _Branching(level.popleft(), level, beyond, self._sharing)
            level = beyond


class Orders:
    """Schedules that interrupt tasks exactly at ``stops``: (task, its operation from 1)."""

    def __init__(self, stops: set[tuple[int, int]]) -> None:
        self._stops = stops

    def deciders(self) -> Iterator[Decider]:
        """Yield deciders, the earliest choice changed first."""
        level: deque[tuple[int, ...]] = deque([()])
        while level:
            yield _Stopping(level.popleft(), level, self._stops)


class _Branching:
    """Follow a prefix, then never preempt; remember the branches not taken."""

    def __init__(
        self,
        prefix: tuple[int, ...],
        level: deque[tuple[int, ...]],
        beyond: deque[tuple[int, ...]],
        sharing: Sharing,
    ) -> None:
        self._prefix = prefix
        self._path: list[int] = []
        self._level = level
        self._beyond = beyond
        self._sharing = sharing

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        at = len(self._path)
        if at < len(self._prefix):
            chosen = self._follow(self._prefix[at], enabled, late)
        else:
            seen_by_nobody = next((t for t in enabled if t.pending[0] in _UNSEEN), None)
            chosen = seen_by_nobody or current or (enabled or late)[0]
            if seen_by_nobody is None:
                self._branch(chosen, enabled, current, late)
        self._path.append(chosen.index)
        return chosen

    def choose(self, waiters: Sequence[Task], _: None, __: Sequence[Task]) -> Task:
        """Whom to wake: each of them in turn."""
        at = len(self._path)
        if at < len(self._prefix):
            chosen = self._follow(self._prefix[at], waiters, ())
        else:
            chosen = waiters[0]
            self._level.extend((*self._path, task.index) for task in waiters[1:])
        self._path.append(chosen.index)
        return chosen

    def _follow(self, index: int, enabled: Sequence[Task], late: Sequence[Task]) -> Task:
        for task in (*enabled, *late):
            if task.index == index:
                return task
        raise Divergence(f"task {index} could move when this prefix was first run")

    def _branch(
        self, chosen: Task, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]
    ) -> None:
        path = tuple(self._path)
        free = current is None
        if free or self._sharing.matters(chosen):
            for task in _different([chosen, *(task for task in enabled if task is not chosen)]):
                if task is not chosen:
                    (self._level if free else self._beyond).append((*path, task.index))
        for task in late:
            if task is not chosen:
                self._beyond.append((*path, task.index))


class _Stopping(_Branching):
    """Never preempt but where it is said."""

    def __init__(
        self, prefix: tuple[int, ...], level: deque[tuple[int, ...]], stops: set[tuple[int, int]]
    ) -> None:
        super().__init__(prefix, level, deque(), Sharing())
        self._stops = stops
        self._counts: dict[int, int] = {}

    def performed(self, task: Task) -> None:
        self._counts[task.index] = self._counts.get(task.index, 0) + 1

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        stops = current is not None and (current.index, self._counts[current.index]) in self._stops
        if stops and len(enabled) > 1:
            enabled, current = [task for task in enabled if task is not current], None
        if current is None and len(enabled) == 1:
            self._path.append(enabled[0].index)
            return enabled[0]
        return super().pick(enabled, current, late)


def _different(tasks: Sequence[Task]) -> list[Task]:
    """Without those that would begin with the same function as one before."""
    seen: set[object] = set()
    kept = []
    for task in tasks:
        key: object = task.index
        if task.pending[0] == "begin":
            key = _function(task)
        if key not in seen:
            seen.add(key)
            kept.append(task)
    return kept


def _function(task: Task) -> object:
    """What the thread would call, with what; the task itself where that cannot be told."""
    call = getattr(task.thread, "_target", None)
    arguments = [*getattr(task.thread, "_args", ())]
    if isinstance(call, partial):
        arguments += [*call.args, *call.keywords.values()]
        call = call.func
    if call is None or getattr(task.thread, "_kwargs", None):
        return task.index
    code = getattr(call, "__code__", call)
    own = getattr(call, "__self__", None)
    return (id(code), id(own), *(a if type(a) in (int, str, bool) else id(a) for a in arguments))
