"""Nobody can move: let time pass, wait for the outside world, or give the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_racecheck.engine.choosing import decide
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.foreign import foreign_threads
from pytest_racecheck.engine.waits import (
    describe_waits,
    user_place,
    wait_cycle,
    waits_for,
)
from pytest_racecheck.engine.watchdog import (
    PATIENCES_UNTIL_HANG,
    answer_signal,
    somebody_has_to_hear,
)

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task


def settle(execution: Execution, task: Task | None) -> Task:
    """Return the task that moves next although none was enabled; the body's own if this is the end.

    ``task`` moved last, if it still lives.
    """
    foreign = foreign_threads(execution)
    if execution.outside_waits or execution.away or (foreign and not _all_sleep(execution)):
        chosen = _poll_the_outside(execution, task)
        if chosen is not None:
            if foreign:
                execution.uncontrolled.append(
                    f"{foreign[0]!r}, a thread outside control, took part"
                )
            return chosen
    deadlines = [task.deadline_s for task in execution.live if task.deadline_s is not None]
    if deadlines:
        # Several deadlines at once, or within the lateness: who wakes first is a choice.
        execution.now_s = max(execution.now_s, min(deadlines))
        execution.enabled = None
        return execution.next_task(task)
    stuck = [task for task in execution.live if not task.ended]
    if execution.tasks[0].ended and all(task.daemon or task.idle_worker for task in stuck):
        execution.leftovers = [task for task in stuck if not task.idle_worker]
        return execution.begin_unwinding("only daemon threads are left")
    if not execution.failures:
        execution.failures.append(_stuck_failure(execution, stuck))
    return execution.begin_unwinding("nobody can move")


def _all_sleep(execution: Execution) -> bool:
    """Whether the next thing to happen is the end of a sleep, which no thread can hasten."""
    timed = [task for task in execution.live if task.deadline_s is not None]
    return bool(timed) and all(task.pending[0] == "sleep" for task in timed)


def _poll_the_outside(execution: Execution, task: Task | None) -> Task | None:
    """Wait in real time, up to the patience, for something that happens outside our control."""
    patiences = PATIENCES_UNTIL_HANG if execution.away else 1
    end = real_monotonic_s() + execution.patience_s * patiences
    pause_s = 20e-6
    while real_monotonic_s() < end:
        if somebody_has_to_hear(execution):
            if task is None:  # it has ended, so nobody could get the baton back
                execution.hearing = True
                return execution.begin_unwinding("interrupted")
            answer_signal(execution, task)
        enabled = execution.find_enabled()
        if enabled:
            execution.enabled = None
            return enabled[0] if len(enabled) == 1 else decide(execution, enabled, None, ())
        execution.steps += 1  # tells the watchdog that this is a wait, not a lost task
        execution.step_limit += 1
        real_sleep_s(pause_s)
        pause_s = min(pause_s * 1.5, 2e-3)
    return None


def _early_notify(execution: Execution, stuck: list[Task]) -> str | None:
    """Where a condition was last notified in vain for which somebody waits now."""
    waiting = {id(task.pending[1]) for task in stuck if task.pending[0] == "wait"}
    for condition, where in reversed(execution.early_notifies):
        if any(id(waiter) in waiting for waiter in condition._waiters):
            return str(where)
    return None


def _stuck_failure(execution: Execution, stuck: list[Task]) -> TaskFailure:
    cycle = wait_cycle(execution, stuck)
    gone = [owner for task in stuck for owner in waits_for(execution, task) if owner.done]
    waits = tuple(describe_waits(execution, stuck))
    if execution.trace is not None:
        for task in stuck:
            execution.trace.blocked(task, execution)
    if cycle:
        kind, message = "deadlock", "each waits for the next: " + " -> ".join(t.path for t in cycle)
    elif gone:
        kind = "deadlock"
        message = f"{gone[0].path} ({gone[0].name}) has ended and still holds what they wait for"
    elif (early := _early_notify(execution, stuck)) is not None:
        kind, message = "lost wake-up", f"nobody is left to wake them; notified too early: {early}"
    else:
        kind, message = "deadlock", "nobody is left who could wake them"
    if execution.away:
        names = ", ".join(task.path for task in execution.away)
        message += f" (possible only: {names} is out of control)"
    elif foreign_threads(execution):
        message += (
            f" (possible only: thread {foreign_threads(execution)[0]!r} is not under control)"
        )
    first = cycle[0] if cycle else stuck[0]
    where = " / ".join(sorted({user_place(task) for task in (cycle or stuck)}))
    indexes = tuple(task.index for task in cycle)
    return TaskFailure(kind, "Deadlock", message, where, first.path, None, waits, indexes)
