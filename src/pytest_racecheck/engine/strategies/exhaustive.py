"""Every schedule, in the order of how many preemptions it needs: depth first within 0, then 1, ...

Musuvathi, Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs",
PLDI 2007.  Where we differ: a branch that the bound cuts off is kept and continued under the next
bound, so no schedule is run twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence

#: A prefix of choices, newest first: (prefix before it, index chosen), or None at the start.
_Prefix = tuple["_Prefix | None", int]


class Exhaustive:
    """Run every schedule with at most ``preemptions`` preemptions (None: no bound)."""

    def __init__(self, preemptions: int | None = None) -> None:
        self.name = "exhaustive" if preemptions is None else "bounded"
        self._bound = preemptions
        self.grade: str | None = None
        self.preemptions: int | None = None  # every schedule with at most these has run

    def deciders(self) -> Iterator[Decider]:
        """Yield deciders level by level; when it ends, ``grade`` says what was covered."""
        level: list[_Prefix | None] = [None]
        spent = 0
        while level:
            last = self._bound is not None and spent >= self._bound
            beyond: list[_Prefix | None] = _FirstOnly() if last else []
            while level:
                yield _Branching(level.pop(), level, beyond)
            self.preemptions, self.grade = spent, "bounded"
            if last and beyond:
                return
            beyond.reverse()  # the first branch met is the first one continued
            level, spent = beyond, spent + 1
        self.grade = "exhausted"


class _FirstOnly(list["_Prefix | None"]):
    """Branches that nobody will follow: that there is one is all that counts."""

    def append(self, prefix: _Prefix | None) -> None:
        """Keep it, if it is the first."""
        if not self:
            super().append(prefix)


class _Branching:
    """Follow a prefix, then never preempt; remember every branch not taken."""

    def __init__(
        self,
        prefix: _Prefix | None,
        level: list[_Prefix | None],
        beyond: list[_Prefix | None],
    ) -> None:
        self._path: _Prefix | None = None
        self._ahead = _indexes(prefix)
        self._at = 0
        self._level = level
        self._beyond = beyond

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if self._at < len(self._ahead):
            chosen = self._follow(enabled, late)
        else:
            chosen = self._extend(enabled, current, late)
        self._path = (self._path, chosen.index)
        return chosen

    def _follow(self, enabled: Sequence[Task], late: Sequence[Task]) -> Task:
        index = self._ahead[self._at]
        self._at += 1
        for task in (*enabled, *late):
            if task.index == index:
                return task
        raise Divergence(
            f"choice {self._at}: task {index} could move when this prefix was first run, "
            f"but now only {', '.join(task.path for task in enabled) or 'nobody'} can"
        )

    def _extend(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        chosen = current or (enabled or late)[0]
        free = self._level if current is None else self._beyond
        for task in enabled:
            if task is not chosen:
                free.append((self._path, task.index))
        for task in late:  # a time-out that fires early costs as much as a preemption
            if task is not chosen:
                self._beyond.append((self._path, task.index))
        return chosen


def _indexes(prefix: _Prefix | None) -> list[int]:
    indexes: list[int] = []
    while prefix is not None:
        before, index = prefix
        indexes.append(index)
        prefix = before
    indexes.reverse()
    return indexes
