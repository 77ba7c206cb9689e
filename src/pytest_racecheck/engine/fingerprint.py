"""The order in which tasks handed shared things to each other in an execution, as one number.

Two executions get the same number when every task did the same operations and each operation came
after the same operations of the others: they differ in the order of independent operations only
(Mazurkiewicz, "Concurrent Program Schemes and their Interpretations", 1977).  Each operation is
hashed with the hashes of what it comes after, so nothing has to be kept of the operations
themselves.  Where we differ from the reduction: only operations at scheduling points count, because
looking at everything that is called in between costs more than the execution itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_racecheck.engine.dependence import AWAIT, CLOCK, READ, WHOLE, WRITE, touches
from pytest_racecheck.engine.strategies.base import HOOKS, Decider
from pytest_racecheck.engine.strategies.events import Numbering
from pytest_racecheck.engine.task import Task

_READS = frozenset({READ, AWAIT})


class _Place:
    """One thing: the hash of what changed it last, and the sum over what has read it since.

    A sum, because the order of those that only read does not matter.
    """

    __slots__ = ("changed", "read")

    def __init__(self) -> None:
        self.changed = self.read = 0


class Watched:
    """Decides as another decider does, and hashes the operations that it hears of."""

    def __init__(self, decider: Decider) -> None:
        self.pick = decider.pick
        self.choose: Callable[..., Task] = getattr(decider, "choose", decider.pick)
        for hook in HOOKS:
            theirs = getattr(decider, hook, None)
            if theirs is not None:
                setattr(self, hook, theirs if hook != "operation" else _both(theirs, self._hash))
        self.fingerprint = 0
        self._number = Numbering().number
        self._places: dict[tuple[int, object], _Place] = {}
        self._of_object: dict[int, list[_Place]] = {}
        self._wholes = False  # whether something was touched as a whole
        self._latest: dict[str, int] = {}  # per task, the hash of its latest operation

    def operation(self, task: Task) -> None:
        """``task`` performs its pending operation now."""
        self._hash(task)

    def _hash(self, task: Task) -> None:
        """Hash the operation with all that it comes after; then later ones come after it."""
        path, past = task.path, 0
        into = []
        found = touches(task)
        for target, key, kind in [*found, (CLOCK, WHOLE, WRITE)] if task.timed_out else found:
            number = self._number(target)
            place = self._places.get((number, key)) or self._new_place(number, key)
            reads = kind in _READS
            into.append((place, reads))
            for known in self._alike(number, key, place) if self._wholes else (place,):
                past += hash((known.changed, 0 if reads else known.read))
        event = self._latest[path] = hash((path, self._latest.get(path), past))
        for place, reads in into:
            if reads:
                place.read += event
            else:
                place.changed, place.read = event, 0
        self.fingerprint += event

    def _new_place(self, number: int, key: object) -> _Place:
        place = self._places[number, key] = _Place()
        self._of_object.setdefault(number, []).append(place)
        self._wholes = self._wholes or key is WHOLE
        return place

    def _alike(self, number: int, key: object, place: _Place) -> list[_Place]:
        """What is known of touches that may have been of the same thing."""
        if key is WHOLE:
            return self._of_object[number]
        whole = self._places.get((number, WHOLE))
        return [place] if whole is None else [place, whole]


def _both(one: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., None]:
    def hook(task: Task) -> None:
        one(task)
        other(task)

    return hook
