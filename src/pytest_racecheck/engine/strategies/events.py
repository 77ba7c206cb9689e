"""The events of an execution as the reduction sees them: who moved, and what it touched.

An event is an operation and everything its task does up to its next operation.  Objects are
numbered in the order in which they are first met, which is the same in all executions with the same
beginning; so the events of a beginning are kept from one execution to the next.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.dependence import (
    ANYTHING,
    CLOCK,
    WHOLE,
    WRITE,
    Touch,
    data,
    dependent,
    is_data,
    touches,
)
from pytest_racecheck.engine.task import Task

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

#: A touch whose object is named by its number.
Named = tuple[int, object, str]
#: Stands for every object that was first met after a certain moment.
NEW = -1
#: The number of ANYTHING, and where all touches of data are found, whatever the object.
ANY, DATA = 0, -2
#: (event, key, kind) of the touches of one object, in the order of the events.
Entries = list[tuple[int, object, str]]
_NONE: Entries = []
#: Per task, the number of the latest event that happened before, or -1.
Clock = list[int]


class Numbering:
    """Numbers for the objects of one execution; an address that is used again gets a new one.

    Objects are held weakly where their kind allows that, so that finalisers run when they would.
    """

    def __init__(self) -> None:
        self._kept: dict[int, int] = {}  # by id, of objects that cannot be held weakly
        self._alive: list[object] = []
        self._loose: dict[int, tuple[int, Callable[[], object]]] = {}
        self._made = 0
        self.number(ANYTHING)

    def __len__(self) -> int:
        return self._made

    def named(self, touches: Iterable[Touch]) -> list[Named]:
        """The touches, with a number for each object."""
        return [(self.number(target), key, kind) for target, key, kind in touches]

    def number(self, target: object) -> int:
        """The number of an object, a new one when it is met for the first time."""
        number = self._kept.get(id(target))
        if number is not None:
            return number
        known = self._loose.get(id(target))
        if known is not None and known[1]() is target:
            return known[0]
        number = self._made
        self._made += 1
        if type(target).__weakrefoffset__:
            self._loose[id(target)] = (number, weakref.ref(target))
        else:
            self._alive.append(target)
            self._kept[id(target)] = number
        return number


class Events:
    """Parallel lists, one entry per event."""

    def __init__(self) -> None:
        self.tasks: list[int] = []
        self.touches: list[list[Named]] = []
        self.clocks: list[Clock] = []
        self.nodes: list[int] = []  # which node of the search chose it, or -1: there was no choice
        self.by_object: dict[int, Entries] = {}

    def __len__(self) -> int:
        return len(self.tasks)

    def add(self, task: int, touches: list[Named], node: int) -> None:
        """One more event; what else it touches may be added to ``touches`` until the next one."""
        self.tasks.append(task)
        self.touches.append(touches)
        self.nodes.append(node)

    def keep(self, length: int) -> None:
        """Forget all events from the given one on."""
        for at in range(len(self.clocks) - 1, length - 1, -1):
            for number, key, kind in self.touches[at]:
                self.by_object[number].pop()
                if is_data(key, kind):
                    self.by_object[DATA].pop()
        for entries in (self.tasks, self.touches, self.clocks, self.nodes):
            del entries[length:]

    def index(self, at: int) -> None:
        """Make the touches of an event findable by their objects."""
        for number, key, kind in self.touches[at]:
            self.by_object.setdefault(number, []).append((at, key, kind))
            if is_data(key, kind):
                self.by_object.setdefault(DATA, []).append((at, WHOLE, kind))

    def alike(self, number: int, key: object, kind: str) -> Iterable[Entries]:
        """The touches of indexed events that may be of the same thing."""
        if number == ANY:
            return (self.by_object.get(DATA, _NONE),)
        found = self.by_object.get(number, _NONE)
        anything = self.by_object.get(ANY)
        return (found, anything) if anything and is_data(key, kind) else (found,)

    def last_of(self, task: int, before: int) -> int:
        """The last event of the task before the given one, or -1."""
        for at in range(before - 1, -1, -1):
            if self.tasks[at] == task:
                return at
        return -1


class Recorder:
    """The part of a decider that hears of events, and names what they touch."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.kept = len(events)  # these are known from an execution with the same beginning
        self.announced: dict[int, list[Named]] = {}  # per task: its pending operation
        self.execution: Execution | None = None
        self.numbers = Numbering()
        self.at = 0  # events so far
        self.node = -1  # what has chosen the next event

    def begin(self, execution: Execution) -> None:
        """The engine begins to run the body."""
        self.execution = execution

    def performed(self, task: Task) -> None:
        """``task`` has come to an operation: its object gets its number now."""
        if self.execution.unwinding:  # type: ignore[union-attr]
            return
        _, target, site = task.pending
        if type(site) is Site and site.only:
            touched = [(self.numbers.number(target), site.part, site.kind)]
        else:
            touched = self.numbers.named(touches(task))
        self.announced[task.index] = touched

    def operation(self, task: Task) -> None:
        """An event begins."""
        touched = self.announced.pop(task.index, None)
        if touched is None or task.pending[0] == "put":  # whether it is the first shows now
            touched = self.numbers.named(touches(task))
        if task.timed_out:
            touched.append((self.numbers.number(CLOCK), WHOLE, WRITE))
        if self.at >= self.kept:
            self.events.add(task.index, touched, self.node)
        self.at += 1
        self.node = -1

    def touched(self, target: object, key: object, kind: str) -> None:
        """The event that is going on touches something more."""
        if self.execution.unwinding:  # type: ignore[union-attr]
            return
        number = self.numbers.number(target)
        if self.at > self.kept:
            self.events.touches[-1].append((number, key, kind))

    def touched_data(self, site: Site, target: object, item_key: object) -> None:
        """At the level of synchronisation, data is touched in the middle of an event."""
        for touched, key, kind in data(site, target, item_key):
            self.touched(touched, key, kind)


def independent(one: Iterable[Named], known: int, other: list[Named]) -> bool:
    """Whether two events commute; NEW in ``one`` means any object numbered ``known`` or above."""
    for number, key, kind in one:
        for other_number, other_key, other_kind in other:
            if number == other_number:
                if same_key(key, other_key) and dependent(kind, other_kind):
                    return False
            elif ANY in (number, other_number):
                both = is_data(key, kind) and is_data(other_key, other_kind)
                if both and dependent(kind, other_kind):
                    return False
            elif number == NEW and other_number >= known:
                return False
    return True


def same_key(one: object, other: object) -> bool:
    """Whether two keys may mean the same part of an object."""
    return one is WHOLE or other is WHOLE or one == other
