"""Vector clocks over the synchronisation of one execution: which uses of a thing are ordered.

Kept only when somebody asks for it before the execution begins (``execution.clocks = {}``).
Lamport 1978; Mattern 1989.  An edge goes from every release, put, notify or end of a task to every
later acquire, get, wake-up or join of the same object.
"""

from __future__ import annotations

from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.task import Task

#: A moment of one task: (task index, its own count then).
Stamp = tuple[int, int]


def stamp() -> Stamp | None:
    """The present moment of the calling task; None when not under control or no clocks are kept."""
    found = controlled()
    if found is None:
        return None
    execution, task = found
    if execution.clocks is None:
        return None
    return (task.index, task.clock.get(task.index, 0))


def ordered(earlier: Stamp) -> bool:
    """Whether ``earlier`` happens before the present moment of the calling task."""
    found = controlled()
    if found is None:
        return True
    index, count = earlier
    return found[1].index == index or found[1].clock.get(index, 0) >= count + 1


def publish(key: object) -> None:
    """The calling task lets go of ``key`` (release, send): what it did so far is visible there."""
    found = controlled()
    if found is not None and found[0].clocks is not None:
        let_go(found[0], found[1], id(key))


def observe(key: object) -> None:
    """The calling task takes ``key`` (acquire, receive): it has seen what was published there."""
    found = controlled()
    if found is not None and found[0].clocks is not None:
        take(found[0], found[1], id(key))


def let_go(execution: Execution, task: Task, key: int) -> None:
    """The edge's first half; a new moment of ``task`` begins."""
    assert execution.clocks is not None
    shared = execution.clocks.setdefault(key, {})
    task.clock[task.index] = task.clock.get(task.index, 0) + 1
    _merge(shared, task.clock)


def take(execution: Execution, task: Task, key: int) -> None:
    """The edge's second half."""
    assert execution.clocks is not None
    shared = execution.clocks.get(key)
    if shared is not None:
        _merge(task.clock, shared)


def joined(execution: Execution, task: Task, ended: Task) -> None:
    """``task`` has seen the end of ``ended``: everything it did happened before."""
    if execution.lock_order is not None:
        execution.lock_order.joined(task, ended)
    if execution.clocks is not None:
        clock = dict(ended.clock)
        clock[ended.index] = clock.get(ended.index, 0) + 1
        _merge(task.clock, clock)


def _merge(into: dict[int, int], other: dict[int, int]) -> None:
    for index, count in other.items():
        if into.get(index, 0) < count:
            into[index] = count
