"""What of an execution its failure came from, in an order with few switches.

A slice as in Korel, Laski, "Dynamic Program Slicing", IPL 1988, of the schedule instead of the
program: a read is followed to the last write before it, a wait to who ended it.  What was written
over, and who was only waited out, is left out, and everybody else comes afterwards.  What is left
is put into another order that keeps the dependences (Huang, Zhang, "An Efficient Static Trace
Simplification Technique for Debugging Concurrent Programs", SAS 2011).  Both are guesses (that a
value did not matter, that nobody else was in the way) which a replay has to bear out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pytest_racecheck.diagnosis.turns import Course, Turn
from pytest_racecheck.engine.dependence import ACQUIRE, AWAIT, READ, RELEASE, TRY, WHOLE, WRITE

#: Of an object with more parts than this only the last writes count when all of it is read.
MAX_PARTS = 64
#: Who comes first where the dependences leave that open.
FAILED_LAST, FAILED_FIRST, AS_BEFORE = "failed last", "failed first", "as before"


@dataclass(slots=True)
class Event:
    """Operation ``op`` of ``task``, from 1 (0: before the first one), and what it touched."""

    task: int
    op: int
    touches: list[tuple[int, object, str]] = field(default_factory=list)


def causal_courses(
    events: Sequence[Event], failed: Iterable[int], woken: tuple[int, ...]
) -> Iterator[Course]:
    """The operations that the failure of the ``failed`` tasks came from, in several orders."""
    failed = set(failed)
    needed = _needed(events, failed)
    kept = [event for event in events if event.op <= needed.get(event.task, -1)]
    last = {event.task: event.op for event in events}
    for first in (FAILED_LAST, FAILED_FIRST, AS_BEFORE):
        order = kept if first == AS_BEFORE else _with_few_switches(kept, failed, first)
        turns = []
        for task, run in groupby(order, key=lambda event: event.task):
            op = list(run)[-1].op
            turns.append(Turn(task, None if op == last[task] else op + 1))
        yield Course(tuple(turns), woken)


# --- what is needed --------------------------------------------------------------------------


def _needed(events: Sequence[Event], failed: set[int]) -> dict[int, int]:
    """For each task the last of its operations that is needed."""
    sources = _Sources()
    found = [sources.of(at, event) for at, event in enumerate(events)]
    needed = {event.task: event.op for event in events if event.task in failed}
    before: dict[int, int] = {}
    while before != needed:
        before = dict(needed)
        for at in reversed(range(len(events))):
            event = events[at]
            if event.op > needed.get(event.task, -1):
                continue
            for source, only_if in found[at]:
                met = events[source]
                if not only_if or met.task in needed:
                    needed[met.task] = max(needed.get(met.task, -1), met.op)
    return needed


class _Sources:
    """The earlier events that an event came from."""

    def __init__(self) -> None:
        self._written: dict[int, dict[object, int]] = {}
        self._freed: dict[tuple[int, object], tuple[int, bool]] = {}
        self._holder: dict[tuple[int, object], int] = {}

    def of(self, at: int, event: Event) -> list[tuple[int, bool]]:
        """Their numbers; True: only if that other task is needed anyhow."""
        found: list[tuple[int, bool]] = []
        for number, key, kind in event.touches:
            thing = (number, key)
            written = self._written.setdefault(number, {})
            if kind in (ACQUIRE, TRY, AWAIT):
                found += [self._freed[thing]] if thing in self._freed else []
                self._holder[thing] = event.task
            elif kind == RELEASE:
                # A lock that another one gives back is a signal: who waits for it needs him.
                self._freed[thing] = (at, self._holder.get(thing) == event.task)
            elif kind == READ or key is WHOLE:
                parts = (key, WHOLE) if key is not WHOLE else [*written][-MAX_PARTS:]
                found += [(written[part], False) for part in parts if part in written]
            if kind == WRITE:
                written.pop(key, None)
                written[key] = at
        return found


# --- in another order ------------------------------------------------------------------------


def _with_few_switches(events: Sequence[Event], failed: set[int], first: str) -> list[Event]:
    """Each task goes on until it needs another one; the failed ones are ``first``, or last."""
    waits_for = _dependences(events)
    queues: dict[int, list[int]] = {}
    for at in reversed(range(len(events))):
        queues.setdefault(events[at].task, []).append(at)
    done: set[int] = set()
    order: list[Event] = []
    while queues:
        ready = [task for task, queue in queues.items() if waits_for[queue[-1]] <= done]
        favoured = (first == FAILED_LAST,)
        task = min(ready, key=lambda t: ((t in failed,) == favoured, queues[t][-1]))
        queue = queues[task]
        while queue and waits_for[queue[-1]] <= done:
            at = queue.pop()
            done.add(at)
            order.append(events[at])
        if not queue:
            del queues[task]
    return order


def _dependences(events: Sequence[Event]) -> list[set[int]]:
    """For each event those of other tasks that have to come before it."""
    as_one = {number for event in events for number, key, _ in event.touches if key is WHOLE}
    written: dict[tuple[int, object], int] = {}
    read: dict[tuple[int, object], list[int]] = {}
    before: list[set[int]] = []
    for at, event in enumerate(events):
        found: set[int] = set()
        for number, key, kind in event.touches:
            thing = (number, WHOLE if number in as_one else key)
            found |= {written[thing]} if thing in written else set()
            if kind in (READ, AWAIT):
                read.setdefault(thing, []).append(at)
            else:
                found.update(read.pop(thing, ()))
                written[thing] = at
        found.discard(at)
        before.append(found)
    return before
