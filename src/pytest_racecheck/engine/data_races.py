"""Reads and writes of shared data that nothing orders: happens-before race detection.

Flanagan, Freund, "FastTrack: Efficient and Precise Dynamic Race Detection", PLDI 2009: per variable
the epoch of the last write, and of the last read or of one read per task where reads are not
ordered.  We differ: a whole list or dictionary conflicts with each of its items, and every pair of
places is reported, once.  Kept only when somebody asks for it before the execution begins
(``execution.data_races``, together with ``execution.clocks``).
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import local
from types import CodeType, FrameType, ModuleType
from typing import Any

from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.dependence import WHOLE, data
from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.failure import is_internal, outwards, place
from pytest_racecheck.engine.looking import is_a
from pytest_racecheck.engine.naming import name_in_frame, value_text
from pytest_racecheck.engine.strategies.events import Numbering
from pytest_racecheck.engine.task import Task

#: Calls of a stack that are told, from the innermost one.
MAX_CALLS = 12
#: Pairs of places in one execution; a program with more has one cause for many of them.
MAX_RACES = 200
_BUILT_IN = (dict, list, set, deque, bytearray)
_PLAIN = (str, int, bytes, bool, float, type(None))

Call = tuple[CodeType, int]


@dataclass(slots=True)
class Seen:
    """One access: who, at which moment of its own, reading or writing, and the calls around it."""

    task: int
    path: str
    count: int
    reads: bool
    site: Site
    stack: tuple[Call, ...]

    @property
    def where(self) -> str:
        """As "file.py:12"."""
        return place(self.stack[0][0].co_filename, self.stack[0][1]) if self.stack else "unknown"


@dataclass(slots=True)
class FoundRace:
    """Two accesses that nothing orders; ``whole`` when each is one call of a built-in container."""

    variable: str
    first: Seen
    second: Seen
    whole: bool


@dataclass(slots=True)
class _Variable:
    written: Seen | None = None
    read: dict[int, Seen] = field(default_factory=dict)  # by task; at most one if they are ordered


class DataRaces:
    """Watches the accesses of one execution."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._numbers = Numbering()
        self._variables: dict[int, dict[object, _Variable]] = {}
        self._found: dict[tuple[str, str], FoundRace] = {}
        self._alive: dict[int, weakref.ref[Any]] = {}

    @property
    def found(self) -> list[FoundRace]:
        """One race for each pair of places, in the order in which they were met."""
        return list(self._found.values())

    def heard(self, task: Task) -> None:
        """``task`` performs its pending operation now."""
        _, target, site = task.pending
        if type(site) is Site:
            self.touched(task, site, target, task.item_key)

    def touched(self, task: Task, site: Site, target: object, item_key: object) -> None:
        """``task`` reads or writes data."""
        if is_a(target, local):
            return  # each task has its own
        if is_a(target, ModuleType):
            target = vars(target)  # as the functions of the module know it
        seen: Seen | None = None
        for thing, key, _ in data(site, target, item_key):
            part = self._part(target, item_key) if site.form == "item" else key
            known = self._variables.setdefault(self._numbers.number(thing), {})
            variable = known.setdefault(part, _Variable())
            if _is_known(variable, task, site):
                continue
            if seen is None:
                stack = _stack(sys._getframe(1), site)
                seen = Seen(task.index, task.path, _moment(task), site.reads, site, stack)
            for other in _overlapping(known, part, site):
                for one in _unordered(_conflicting(other, seen), task):
                    self._note(one, seen, target, item_key)
            _enter(variable, seen, task)

    def told_besides(self, other: Callable[..., None]) -> Callable[..., None]:
        """Where data is no scheduling point: ``other`` is told of it, and so are we."""

        def both(site: Site, target: object, item_key: object) -> None:
            other(site, target, item_key)
            found = controlled()
            if found is not None:
                self.touched(found[1], site, target, item_key)

        return both

    def keep(self, thing: Any) -> None:
        """``thing`` has a clock, which goes when it goes: its address may come again."""
        if id(thing) not in self._alive:
            self._alive[id(thing)] = weakref.ref(thing, partial(self._gone, id(thing)))

    def _gone(self, key: int, _: object) -> None:
        self._alive.pop(key, None)
        if self._execution.clocks is not None:
            self._execution.clocks.pop(key, None)

    def _part(self, target: object, key: object) -> object:
        if type(target) is list and type(key) is int and key < 0:
            key += len(target)
        if type(key) is slice:
            return WHOLE
        if _is_plain(key):
            return ("item", key)
        return ("object", self._numbers.number(key))  # comparing would run code of the user's

    def _note(self, one: Seen, other: Seen, target: object, item_key: object) -> None:
        pair = (one.where, other.where)
        known = pair in self._found or pair[::-1] in self._found
        if not known and len(self._found) < MAX_RACES:
            self._found[pair] = self._race(one, other, target, item_key)

    def _race(self, one: Seen, other: Seen, target: object, item_key: object) -> FoundRace:
        site = other.site
        with self._execution.uncontrolled_here():
            frame = next(_user_frames(sys._getframe(1)), None)
            variable = site.shown_name(target, name_in_frame(frame, target, kind=False))
            if site.form == "item":
                variable += f"[{value_text(item_key)}]"
        calls = all(s.site.form in ("container", "step") for s in (one, other))
        return FoundRace(variable.replace("`", ""), one, other, calls and is_a(target, _BUILT_IN))


def _moment(task: Task) -> int:
    return task.clock.get(task.index, 0)


def _is_known(variable: _Variable, task: Task, site: Site) -> bool:
    """Whether the same task did the same before, at the same moment and place."""
    last = variable.read.get(task.index) if site.reads else variable.written
    return (
        last is not None
        and last.site is site
        and (last.task, last.count) == (task.index, _moment(task))
    )


def _conflicting(variable: _Variable, seen: Seen) -> list[Seen]:
    written = [] if variable.written is None else [variable.written]
    return written if seen.reads else [*written, *variable.read.values()]


def _unordered(earlier: Iterable[Seen], task: Task) -> list[Seen]:
    """Those that are not before the present moment of ``task``."""
    clock = task.clock
    return [s for s in earlier if s.task != task.index and clock.get(s.task, 0) <= s.count]


def _enter(variable: _Variable, seen: Seen, task: Task) -> None:
    if not seen.reads:
        variable.written = seen
        variable.read.clear()
        return
    if len(variable.read) == 1 and not _unordered(variable.read.values(), task):
        variable.read.clear()
    variable.read[seen.task] = seen


def _is_plain(key: object) -> bool:
    if type(key) in (tuple, frozenset):
        return all(_is_plain(inner) for inner in key)  # type: ignore[attr-defined]
    return type(key) in _PLAIN


def _overlapping(known: dict[object, _Variable], part: object, site: Site) -> list[_Variable]:
    """What conflicts with ``part`` of an object: a whole container with all of its items."""
    if site.form in ("attribute", "global", "cell"):
        return [known[part]]
    if part is WHOLE:
        return [v for key, v in known.items() if key is WHOLE or type(key) is tuple]
    return [v for v in (known[part], known.get(WHOLE)) if v is not None]


def _stack(frame: FrameType | None, site: Site) -> tuple[Call, ...]:
    found: list[Call] = []
    for inner in _user_frames(frame):
        line = inner.f_lineno or 0
        found.append((inner.f_code, line if found else site.line or line))
        if len(found) == MAX_CALLS:
            break
    return tuple(found)


def _user_frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if not is_internal(frame.f_code.co_filename):
            yield frame
        frame = outwards(frame)
