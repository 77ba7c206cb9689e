"""Which events of an execution could have come in the other order: the races, by vector clocks.

Flanagan, Godefroid, "Dynamic Partial-Order Reduction for Model Checking Software", POPL 2005.
An acquire depends on the release before it, but can only be swapped with the acquire before that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_racecheck.engine.dependence import (
    ACQUIRE,
    AWAIT,
    FIRST,
    GET,
    LIMITED,
    READ,
    RELEASE,
    WAIT,
    WHOLE,
    WRITE,
    dependent,
    enables,
)
from pytest_racecheck.engine.strategies.events import ANY, Clock, Entries, Events, Named, same_key

#: These wait until somebody makes them possible; each has had a rival that was before.
_WAITING = frozenset({ACQUIRE, AWAIT, GET})
_WAITED_FOR = frozenset({RELEASE, FIRST})
#: A read commutes with these.
_SHARED = frozenset({READ, AWAIT})


def analyse(events: Events, first: int, tasks: int) -> list[tuple[int, int]]:
    """Give clocks to the events from ``first`` on; return the races (earlier, later) they end."""
    if events.clocks and len(events.clocks[0]) < tasks:
        for clock in events.clocks:
            clock.extend([-1] * (tasks - len(clock)))
    last = {task: at for at, task in enumerate(events.tasks[:first])}
    races: list[tuple[int, int]] = []
    for at in range(first, len(events)):
        task = events.tasks[at]
        before = events.clocks[last[task]] if task in last else [-1] * tasks
        raced, clock = _races(events, task, events.touches[at], before)
        races.extend([(earlier, at) for earlier in raced])
        clock[task] = at
        events.clocks.append(clock)
        events.index(at)
        last[task] = at
    return races


def blocked_races(events: Events, task: int, touches: list[Named], tasks: int) -> list[int]:
    """The events that a task raced with which came to its operation but could never perform it."""
    last = events.last_of(task, len(events))
    before = events.clocks[last] if last >= 0 else [-1] * tasks
    return _races(events, task, touches, before)[0]


@dataclass(slots=True)
class _Conflicts:
    """Earlier dependent events of other tasks, by what the later one has to do with them."""

    other: list[int] = field(default_factory=list)  # they may come in the other order
    enabling: list[int] = field(default_factory=list)  # without them it would not be possible
    rivals: list[int] = field(default_factory=list)  # they took what it waits for
    unknown: list[int] = field(default_factory=list)  # it is not known whether they enabled it


def _races(
    events: Events, task: int, touches: list[Named], before: Clock
) -> tuple[list[int], Clock]:
    """The events that race with one that touches ``touches``, and the clock of that one."""
    if len(touches) == 1 and touches[0][2] in (READ, WRITE):
        return _races_of_data(events, task, touches[0], before)
    raced: list[int] = []
    found = _conflicts(events, task, touches, before)
    clock, waiting = before[:], before[:]
    for at in sorted(found.rivals, reverse=True):
        _race(events, at, waiting, raced)
    for at in found.enabling:
        _join(clock, events.clocks[at])
    for at in sorted(found.other, reverse=True):
        _race(events, at, clock, raced)
    for at in found.unknown:
        # Whichever of them made it possible must not hide those before.
        _join(clock, events.clocks[at])
    _join(clock, waiting)
    raced += [at for at in dict.fromkeys(found.unknown) if at not in raced]
    return raced, clock


def _races_of_data(
    events: Events, task: int, touch: Named, before: Clock
) -> tuple[list[int], Clock]:
    """The same for a single read or write."""
    raced: list[int] = []
    other: list[int] = []
    clock = before[:]
    for entries in events.alike(*touch):
        _of_data(events, task, touch, entries, before, other)
    for at in sorted(other, reverse=True):
        _race(events, at, clock, raced)
    return raced, clock


def _race(events: Events, at: int, clock: Clock, raced: list[int]) -> None:
    if at > clock[events.tasks[at]]:
        if at not in raced:
            raced.append(at)
        _join(clock, events.clocks[at])


def _of_data(
    events: Events,
    task: int,
    touch: Named,
    entries: Entries,
    before: Clock,
    other: list[int],
) -> None:
    """Conflicts of a read or write, back to the last write of the same, which came after the rest.

    Among what any unknown code has touched are many things: there is no such write.
    """
    number, key, kind = touch
    for at, earlier_key, earlier_kind in reversed(entries):
        if kind == READ and earlier_kind in _SHARED:
            continue
        if key is not earlier_key and not same_key(key, earlier_key):
            continue
        mover = events.tasks[at]
        if mover != task and at > before[mover]:
            other.append(at)
        covers = earlier_kind == WRITE and number != ANY
        if covers and (earlier_key is WHOLE or earlier_key == key):
            return


def _conflicts(events: Events, task: int, touches: list[Named], before: Clock) -> _Conflicts:
    found = _Conflicts()
    for touch in touches:
        number, key, kind = touch
        if kind in (READ, WRITE):
            for entries in events.alike(number, key, kind):
                _of_data(events, task, touch, entries, before, found.other)
            continue
        for entries in events.alike(number, key, kind):
            for at, earlier_key, earlier_kind in reversed(entries):
                mover = events.tasks[at]
                if mover == task or at <= before[mover] or not same_key(key, earlier_key):
                    continue
                if dependent(kind, earlier_kind):
                    _kept_in(found, kind, earlier_kind).append(at)
    return found


def _kept_in(found: _Conflicts, kind: str, earlier: str) -> list[int]:
    """Where an earlier event belongs, by the kinds of touch of both."""
    if kind == WAIT:
        return found.unknown
    if kind in _WAITING:
        return found.enabling if enables(earlier, kind) else found.rivals
    if kind == LIMITED:  # it may come before what it waited for, and give up
        return found.other if earlier in _WAITED_FOR else found.rivals
    if enables(earlier, kind):
        return found.enabling
    return found.other


def _join(into: Clock, clock: Clock) -> None:
    into[:] = map(max, into, clock)


def initials(events: Events, earlier: int, task: int, later: int, clock: Clock) -> list[int]:
    """Tasks that can move first so that ``later`` comes before ``earlier``; ``task`` if it can.

    Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction", POPL 2014: the
    events after ``earlier`` that do not depend on it, and then ``later``; the tasks whose first
    event there comes after none of the others.
    """
    of = events.tasks[earlier]
    free = [at for at in range(earlier + 1, later) if events.clocks[at][of] < earlier]
    found: list[int] = []
    seen: set[int] = set()
    for at in free:
        mover = events.tasks[at]
        if mover not in seen:
            seen.add(mover)
            if not _after_any(events, events.clocks[at], free, at):
                found.append(mover)
    if task not in seen and not _after_any(events, clock, free, later):
        found.insert(0, task)
    elif task in found:
        found.remove(task)
        found.insert(0, task)
    return found


def _after_any(events: Events, clock: Clock, free: list[int], at: int) -> bool:
    return any(other < at and clock[events.tasks[other]] >= other for other in free)
