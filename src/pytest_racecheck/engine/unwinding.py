"""The end of an execution: tasks that are still there end by an exception at their gate.

A deadlock costs no thread.  What does not end is abandoned, counted and named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.carrier import LockType, RLockType, interrupt
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.task import Unwind
from pytest_racecheck.engine.watchdog import stack_text

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

_REINITIALISE: dict[type, Any] = {
    kind: kind.__dict__["_at_fork_reinit"] for kind in (LockType, RLockType)
}


def unwind_the_rest(execution: Execution) -> None:
    """Called in the body's thread when it has ended or has to: only main is left afterwards."""
    main = execution.tasks[0]
    cut_short = execution.unwinding
    execution.unwinding = True
    while True:
        rest = [task for task in execution.live if task is not main]
        if rest:
            _unwind(execution, main, rest[0])
        elif execution.away:
            _call_home(execution, execution.away[0])
        else:
            break
    if cut_short:
        _free_what_the_dead_held(execution)


def _unwind(execution: Execution, main: Task, task: Task) -> None:
    task.doomed = True
    for _ in range(3):  # it may swallow the exception and go on to its next operation
        execution.current = task
        task.carrier.resume()
        if main.carrier.pause_for(execution.patience_s):
            if task.done:
                return
            continue
        interrupt(task.carrier.key, Unwind)
        if main.carrier.pause_for(execution.patience_s / 2) and task.done:
            return
        break
    _abandon(execution, task)


def _call_home(execution: Execution, task: Task) -> None:
    """A task is outside our control: interrupt it, and wait until it is at a gate or gone."""
    task.doomed = True
    interrupt(task.carrier.key, Unwind)
    end = real_monotonic_s() + execution.patience_s / 2
    while task in execution.away and real_monotonic_s() < end:
        real_sleep_s(1e-3)
    if task in execution.away:
        _abandon(execution, task)


def _abandon(execution: Execution, task: Task) -> None:
    execution.abandoned.append(f"{task.path} ({task.name}):\n{stack_text(task)}")
    task.done = True
    if task.cut_short is not None:
        task.cut_short()
    task.carrier.retired = True
    execution.by_key.pop(task.carrier.key, None)
    for group in (execution.live, execution.away):
        if task in group:
            group.remove(task)


def _free_what_the_dead_held(execution: Execution) -> None:
    # A lock made at import time must not stay locked for the next execution.
    for _, lock in list(execution.owners.values()):
        if type(lock) in _REINITIALISE:
            _REINITIALISE[type(lock)](lock)
    execution.owners.clear()
