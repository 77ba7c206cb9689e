"""Which lock each task takes while it holds which: the edges of the lock-order graph.

Havelund, "Using Runtime Analysis to Guide Model Checking of Java Programs", SPIN 2000 (Goodlock).
Kept only when somebody asks for it before the execution begins (``execution.lock_order``).
A lock here is one that the user's code takes itself, also inside a Condition or as a Semaphore that
lets one in; a lock that is released by another task than its owner is a signal, and left out.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from linecache import getline
from types import CodeType, FrameType
from typing import Any

from pytest_racecheck.engine.failure import is_internal, is_ours, outwards, place
from pytest_racecheck.engine.looking import frame_locals, is_a, own_dict
from pytest_racecheck.engine.naming import owned_name
from pytest_racecheck.engine.recording import MAX_TEXT, Landmark
from pytest_racecheck.engine.strategies.events import Numbering
from pytest_racecheck.engine.task import Task

MAX_EDGES = 500

_WAIT = threading.Condition.wait.__code__
_SEMAPHORE_TAKES = threading.Semaphore.acquire.__code__
_SEMAPHORE_GIVES = (
    threading.Semaphore.release.__code__,
    threading.BoundedSemaphore.release.__code__,
)


@dataclass(frozen=True, slots=True)
class Edge:
    """A task that held ``held``, and all of ``holding``, wanted ``wanted``; locks are numbers.

    ``arrival`` tells which time it was that the task came to ``mark``, from 1.  ``count`` is the
    task's own moment, ``seen`` those of others that came before, by start and join alone.
    """

    task: int
    path: str
    name: str
    held: int
    wanted: int
    held_at: str
    wanted_at: str
    holding: frozenset[int]
    mark: Landmark
    arrival: int
    count: int
    seen: dict[int, int]


class LockOrder:
    """Collects the edges of one execution."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self._edges: dict[tuple[object, ...], Edge] = {}
        self._numbers = Numbering()
        self._held: dict[int, list[tuple[int, str]]] = {}
        self._signals: set[int] = set()
        self._wanted: dict[int, tuple[int, str]] = {}
        self._marks: dict[tuple[CodeType, int], Landmark] = {}
        self._arrivals: dict[tuple[int, Landmark], int] = {}
        self._clocks: dict[int, dict[int, int]] = {0: {0: 1}}

    @property
    def edges(self) -> list[Edge]:
        """Those between locks, in the order in which they were met."""
        signals = self._signals
        return [e for e in self._edges.values() if not {e.held, e.wanted} & signals]

    # --- told by the adapters -----------------------------------------------------------------

    def wants(self, task: Task, lock: object, limit_s: float | None) -> None:
        """``task`` is about to wait for ``lock``; it may do so for ever."""
        self._wanted.pop(task.index, None)
        through, frame = _user_of(sys._getframe(2))
        if frame is None:
            return
        if through is threading.Semaphore:
            self._semaphore_wanted(task, sys._getframe(2), frame)
        elif through in (None, threading.Condition):
            self._wanted[task.index] = self._want(task, lock, frame, limit_s is None)

    def took(self, task: Task, lock: object) -> None:
        """``task`` has taken ``lock``, for which it has waited, or without waiting."""
        wanted = self._wanted.pop(task.index, None)
        if task.pending[0] == "try acquire":
            through, frame = _user_of(sys._getframe(2))
            if frame is not None and through in (None, threading.Condition):
                at = place(frame.f_code.co_filename, frame.f_lineno)
                wanted = (self._numbers.number(lock), at)
        if wanted is not None:
            self._held.setdefault(task.index, []).append(wanted)

    def gave(self, task: Task, lock: object) -> None:
        """``task`` lets go of ``lock``; of a semaphore's own lock when it is done with it."""
        through, frame = _user_of(sys._getframe(2))
        if through is threading.Semaphore:
            self._semaphore_done(task, sys._getframe(2), frame)
        else:
            self._give(task, self._numbers.number(lock))

    def born(self, parent: Task, child: Task) -> None:
        """What ``parent`` did so far is before all that ``child`` does."""
        own = self._clocks[parent.index]
        own[parent.index] += 1
        self._clocks[child.index] = {**own, child.index: 1}

    def joined(self, task: Task, ended: Task) -> None:
        """All that ``ended`` did is before what ``task`` does from now on."""
        clock = self._clocks[task.index]
        theirs = self._clocks[ended.index]
        for index, count in {**theirs, ended.index: theirs[ended.index] + 1}.items():
            clock[index] = max(clock.get(index, 0), count)

    # --- what that means ----------------------------------------------------------------------

    def _want(self, task: Task, lock: object, frame: FrameType, waits: bool) -> tuple[int, str]:
        wanted = self._numbers.number(lock)
        code, mine = frame.f_code, self._held.setdefault(task.index, [])
        if wanted not in self.names or (mine and "." not in self.names[wanted]):
            found = _name(frame, lock)
            if wanted not in self.names or "." in found:
                self.names[wanted] = found
        mark = self._mark(code, frame.f_lineno)
        arrival = self._arrivals[task.index, mark] = self._arrivals.get((task.index, mark), 0) + 1
        at = place(code.co_filename, frame.f_lineno)
        holding = frozenset(number for number, _ in mine)
        for held, held_at in mine if waits and len(self._edges) < MAX_EDGES else ():
            clock = self._clocks[task.index]
            edge = Edge(
                *(task.index, task.path, task.name, held, wanted, held_at, at),
                *(holding, mark, arrival, clock[task.index], dict(clock)),
            )
            if held != wanted:
                self._edges.setdefault((task.index, held, wanted, held_at, at, holding), edge)
        return wanted, at

    def _mark(self, code: CodeType, line: int) -> Landmark:
        known = self._marks.get((code, line))
        if known is None:
            text = " ".join(getline(code.co_filename, line).split())
            known = Landmark("acquire", code.co_qualname, text[:MAX_TEXT])
            self._marks[code, line] = known
        return known

    def _give(self, task: Task, number: int) -> None:
        for owner in (task.index, *(index for index in self._held if index != task.index)):
            mine = self._held.get(owner, [])
            last = next((n for n in reversed(range(len(mine))) if mine[n][0] == number), None)
            if last is not None:
                del mine[last]
                if owner != task.index:
                    self._signals.add(number)
                return

    def _semaphore_wanted(self, task: Task, frame: FrameType | None, user: FrameType) -> None:
        while frame is not None and frame.f_code is not _SEMAPHORE_TAKES:
            if frame.f_code in (_WAIT, *_SEMAPHORE_GIVES):
                return
            frame = frame.f_back
        if frame is not None:
            local = frame_locals(frame)
            waits = bool(local["blocking"]) and local["timeout"] is None
            self._want(task, local["self"], user, waits)

    def _semaphore_done(self, task: Task, frame: FrameType | None, user: FrameType | None) -> None:
        while frame is not None and frame.f_code not in (_SEMAPHORE_TAKES, *_SEMAPHORE_GIVES):
            frame = frame.f_back
        if frame is None or user is None:
            return
        local = frame_locals(frame)
        semaphore: Any = local["self"]
        number = self._numbers.number(semaphore)
        if frame.f_code in _SEMAPHORE_GIVES:
            self._give(task, number)
        elif local.get("rc"):
            inside = any(known == number for mine in self._held.values() for known, _ in mine)
            if semaphore._value or inside:
                self._signals.add(number)  # it lets in more than one
            at = place(user.f_code.co_filename, user.f_lineno)
            self._held.setdefault(task.index, []).append((number, at))


def _user_of(frame: FrameType | None) -> tuple[type | None, FrameType | None]:
    """The class through which the user's code takes a lock, None for the lock itself; its frame.

    The frame is None where a library takes a lock of its own.
    """
    through: type | None = None
    while frame is not None and is_internal(frame.f_code.co_filename):
        if not is_ours(frame.f_code.co_filename):
            if frame.f_globals.get("__name__") != threading.__name__:
                return None, None
            owner = frame_locals(frame).get("self")
            known = (threading.Semaphore, threading.Condition)
            through = next((kind for kind in known if is_a(owner, kind)), type(owner))
        frame = outwards(frame)
    return through, frame


def _name(frame: FrameType, lock: object) -> str:
    """What the code calls the lock, or the condition around it."""
    for thing in (*_around(frame, lock), lock):
        found = owned_name(frame, thing)
        if found != type(thing).__name__:
            return found
    return type(lock).__name__


def _around(frame: FrameType, lock: object) -> list[object]:
    local = list(frame_locals(frame).values())
    inside = [value for holder in local for value in (own_dict(holder) or {}).values()]
    found = [*local, *inside, *frame.f_globals.values()]
    return [c for c in found if type(c) is threading.Condition and c._lock is lock]  # type: ignore[attr-defined]
