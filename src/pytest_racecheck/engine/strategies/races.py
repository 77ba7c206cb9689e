"""Which events of an execution could have come in the other order: the races, by vector clocks.

Flanagan, Godefroid, "Dynamic Partial-Order Reduction for Model Checking Software", POPL 2005.
An acquire depends on the release before it, but can only be swapped with the acquire before that.
"""

from __future__ import annotations

from pytest_racecheck.engine.dependence import ACQUIRE, AWAIT, RELEASE, dependent
from pytest_racecheck.engine.strategies.events import Clock, Events, Named, same_key


def analyse(events: Events, first: int, tasks: int) -> list[tuple[int, int]]:
    """Give clocks to the events from ``first`` on; return the races (earlier, later) they end."""
    for clock in events.clocks:
        clock.extend([-1] * (tasks - len(clock)))
    last = {task: at for at, task in enumerate(events.tasks[:first])}
    races: list[tuple[int, int]] = []
    for at in range(first, len(events)):
        task, touches = events.tasks[at], events.touches[at]
        before = events.clocks[last[task]][:] if task in last else [-1] * tasks
        raced, clock = _races(events, task, touches, before)
        races.extend((earlier, at) for earlier in raced)
        clock[task] = at
        events.clocks.append(clock)
        events.index(at)
        last[task] = at
    return races


def blocked_races(events: Events, task: int, touches: list[Named], tasks: int) -> list[int]:
    """The events that a task raced with which came to its operation but could never perform it."""
    last = events.last_of(task, len(events))
    before = events.clocks[last][:] if last >= 0 else [-1] * tasks
    return _races(events, task, touches, before)[0]


def _races(
    events: Events, task: int, touches: list[Named], before: Clock
) -> tuple[list[int], Clock]:
    """The events that race with one that touches ``touches``, and the clock of that one."""
    taken, enabling, other = _conflicts(events, task, touches)
    raced: list[int] = []
    clock = before[:]
    waiting = before[:]
    for at in sorted(taken, reverse=True):
        _race(events, at, waiting, raced)
    for at in enabling:
        _join(clock, events.clocks[at])
    for at in sorted(other, reverse=True):
        _race(events, at, clock, raced)
    _join(clock, waiting)
    return raced, clock


def _race(events: Events, at: int, clock: Clock, raced: list[int]) -> None:
    if at > clock[events.tasks[at]]:
        if at not in raced:
            raced.append(at)
        _join(clock, events.clocks[at])


def _conflicts(
    events: Events, task: int, touches: list[Named]
) -> tuple[set[int], set[int], set[int]]:
    """Earlier dependent events of other tasks: rivals for a lock, what enabled it, the rest."""
    taken: set[int] = set()
    enabling: set[int] = set()
    other: set[int] = set()
    for number, key, kind in touches:
        waits = kind in (ACQUIRE, AWAIT)
        for at, earlier_key, earlier_kind in events.alike(number, key, kind):
            if events.tasks[at] == task or not same_key(key, earlier_key):
                continue
            if not dependent(kind, earlier_kind):
                continue
            if waits:
                (enabling if earlier_kind == RELEASE else taken).add(at)
            elif kind == RELEASE and earlier_kind in (ACQUIRE, AWAIT):
                enabling.add(at)
            else:
                other.add(at)
    return taken, enabling, other


def _join(into: Clock, clock: Clock) -> None:
    for task, at in enumerate(clock):
        into[task] = max(into[task], at)


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
