"""The end of an execution: tasks that are still there end by an exception at their gate.

A deadlock costs no thread.  What does not end is abandoned, counted and named.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.carrier import (
    LockType,
    RLockType,
    interrupt,
    take_back_interrupt,
)
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.task import Unwind
from pytest_racecheck.engine.watchdog import GIVEN_UP, hear_signal, stack_text

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

_REINITIALISE: dict[type, Any] = {
    kind: kind.__dict__["_at_fork_reinit"] for kind in (LockType, RLockType)
}
#: How often a task that does not come back is interrupted, within one patience.
INTERRUPTS = 20
HURRIED_S = 1.0


def end_early(execution: Execution, task: Task) -> None:
    """``task`` was woken although it may not go on: to hear a signal, or to end by Unwind."""
    while execution.hearing:
        hear_signal(execution, task)
    if task.doomed:
        if task.index == 0:  # the others first: the body's own clean-up finds them ended
            unwind_the_rest(execution)
        raise Unwind


def leave_no_child_behind(pid: int) -> None:
    """End a process that the body forked and that comes out of the body of process ``pid``."""
    if os.getpid() != pid:
        said = b"racecheck: a forked child ran to the end of the test body; it stops here\n"
        os.write(2, said)
        os._exit(GIVEN_UP)


def unwind_the_rest(execution: Execution) -> None:
    """Called in the body's thread when it has ended or has to: only main is left afterwards."""
    main = execution.tasks[0]
    cut_short = execution.unwinding
    if main in execution.away:
        execution.away.remove(main)  # it is here
    execution.unwinding = execution.closing = True
    try:
        while True:
            rest = [task for task in execution.live if task is not main]
            if rest:
                _unwind(execution, main, rest[0])
            elif execution.away:
                _call_home(execution, execution.away[0])
            else:
                break
    finally:
        execution.closing = False
    if cut_short:
        _free_what_the_dead_held(execution)


def _unwind(execution: Execution, main: Task, task: Task) -> None:
    task.doomed = True
    for _ in range(3):  # it may swallow the exception and go on to its next operation
        execution.current = task
        task.carrier.resume()
        if main.carrier.pause_for(_grace_s(execution)) or _interrupted(execution, main, task):
            if task.done:
                return
        else:
            break
    _abandon(execution, task)


def _grace_s(execution: Execution) -> float:
    """How long a task has to end: its patience, and not much where somebody waits for the end."""
    hurried = execution.interrupt is not None or execution.lost
    return min(execution.patience_s, HURRIED_S) if hurried else execution.patience_s


def _interrupted(execution: Execution, main: Task, task: Task) -> bool:
    """Raise in ``task`` wherever it is, again and again, as it may swallow that: it came back."""
    task.carrier.retired = True  # an exception may reach it late, when it would be another task
    for _ in range(INTERRUPTS):
        interrupt(task.carrier.key, Unwind)
        if main.carrier.pause_for(_grace_s(execution) / INTERRUPTS):
            take_back_interrupt(task.carrier.key)
            return True
    return False


def _call_home(execution: Execution, task: Task) -> None:
    """A task is outside our control: interrupt it, and wait until it is at a gate or gone."""
    task.doomed = True
    task.carrier.retired = True
    for _ in range(INTERRUPTS):
        interrupt(task.carrier.key, Unwind)
        end = real_monotonic_s() + _grace_s(execution) / INTERRUPTS
        while task in execution.away and real_monotonic_s() < end:
            real_sleep_s(1e-3)
        if task not in execution.away:
            return
    _abandon(execution, task)


def _abandon(execution: Execution, task: Task) -> None:
    execution.abandoned.append(f"{task.path} ({task.name}):\n{stack_text(task)}")
    task.done = True
    if task.cut_short is not None:
        task.cut_short()
    task.carrier.abandon()
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
