"""Uses that came shortly after something was made ready, or shortly before it was closed (Waffle).

A cell is an attribute of an object, a global of a module, or an object that can be closed.  It is
made ready when its first value is assigned (or one in the place of None), closed when it is closed,
deleted or set to None.  We differ: candidates are found in every run, not in the first alone, and
one delay of this kind lasts at a time, so that no two cancel each other out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_racecheck.free.nearmiss.births import Threads
from pytest_racecheck.free.nearmiss.pairs import CLOSE, READY, WINDOW_S, Pairs

#: (id of the object, name of the attribute or None)
Cell = tuple[int, str | None]
MOST_CELLS = 5000
MOST_THREADS = 4


class _Event(NamedTuple):
    thread: int
    at_s: float
    site: str
    visit: int


class Order:
    """What was made ready and used last; ``threads`` knows who was started and joined when."""

    def __init__(self, pairs: Pairs, threads: Threads) -> None:
        self._pairs = pairs
        self._threads = threads
        self._ready: dict[Cell, _Event] = {}
        self._used: dict[Cell, dict[int, _Event]] = {}
        self.disturbed_s = 0.0  # when the last delay ended
        self.came: dict[tuple[str, int], int] = {}
        self.visits: dict[str, int] = {}

    def made_ready(self, cell: Cell, thread: int, site: str, at_s: float) -> None:
        """The first value is about to be assigned."""
        _make_room(self._ready)
        self._ready[cell] = _Event(thread, at_s, site, self._count(site, cell))

    def used(self, cell: Cell, thread: int, site: str, at_s: float) -> None:
        """It is about to be used."""
        ready = self._ready.get(cell)
        if ready is not None and ready.thread != thread:
            gap_s = at_s - ready.at_s
            if gap_s > WINDOW_S:
                self._ready.pop(cell, None)
            elif not self._threads.order(ready.thread, ready.at_s, thread):
                disturbed = ready.at_s <= self.disturbed_s
                self._pairs.near_miss(
                    READY, ready.site, site, gap_s, ready.visit, disturbed=disturbed
                )
        _make_room(self._used)
        last = self._used.setdefault(cell, {})
        visit = self._count(site, cell)
        if len(last) < MOST_THREADS or thread in last:
            last[thread] = _Event(thread, at_s, site, visit)

    def closed(self, cell: Cell, thread: int, site: str, at_s: float) -> None:
        """It is about to be closed."""
        for use in list(self._used.get(cell, {}).values()):
            if use.thread == thread or at_s - use.at_s > WINDOW_S:
                continue
            if not self._threads.order(use.thread, use.at_s, thread):
                disturbed = use.at_s <= self.disturbed_s
                gap_s = at_s - use.at_s
                self._pairs.near_miss(CLOSE, use.site, site, gap_s, use.visit, disturbed=disturbed)
        self._count(site, cell)

    def _count(self, site: str, cell: Cell) -> int:
        """The number of this visit of ``site``; ``came`` has those of each object apart."""
        key = (site, cell[0])
        if len(self.came) < MOST_CELLS or key in self.came:
            self.came[key] = self.came.get(key, 0) + 1
        visit = self.visits[site] = self.visits.get(site, 0) + 1
        return visit


def _make_room(kept: dict[Cell, Any]) -> None:
    if len(kept) >= MOST_CELLS:
        kept.clear()  # what is older than the window does not matter
