"""Notices in real time that a task does not come back, names it, and keeps the others going.

Everything here happens at most once in a patience, so it may be slow; the hot path pays one
comparison for it (``steps > step_limit``).
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from pytest_racecheck.engine.carrier import (
    allocate_gate,
    interrupt,
    raw_acquire,
    raw_release,
)
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.failure import TaskFailure, is_internal
from pytest_racecheck.engine.livelock import FairTail
from pytest_racecheck.engine.task import Unwind
from pytest_racecheck.engine.waits import user_place

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

_LOOKS_PER_PATIENCE = 8
_ALARM_S = 0.05
#: Given up on a body that native code holds in the main thread, after this many patiences.
_LAST_RESORT = 6


class Watchdog:
    """One quiet thread for a whole exploration."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.execution: Execution | None = None
        self._stop = allocate_gate()
        self._ended = allocate_gate()

    def __enter__(self) -> Watchdog:
        raw_acquire(self._stop)
        raw_acquire(self._ended)
        _thread.start_new_thread(self._watch, ())
        return self

    def __exit__(self, *_: object) -> None:
        raw_release(self._stop)
        raw_acquire(self._ended, True, 1.0)

    def _watch(self) -> None:
        mark: tuple[object, ...] | None = None
        since = 0.0
        while not raw_acquire(self._stop, True, self._patience_s / _LOOKS_PER_PATIENCE):
            execution = self.execution
            now = real_monotonic_s()
            seen = None
            if execution is not None:
                seen = (execution, execution.steps, execution.current)
            if execution is None or seen != mark:
                mark, since = seen, now
            elif now - since >= self._patience_s * (1 - 1.5 / _LOOKS_PER_PATIENCE):
                _somebody_is_lost(execution)
                mark = None
        raw_release(self._ended)


def _somebody_is_lost(execution: Execution) -> None:
    steps = execution.steps
    limit, execution.step_limit = execution.step_limit, -1  # the next operation rings
    real_sleep_s(_ALARM_S)
    raw_acquire(execution.mutex)
    try:
        if execution.step_limit == -1:
            execution.step_limit = limit
        if execution.steps != steps or execution.ended:
            return
        if execution.current is None or execution.unwinding:
            _give_up(execution)
        else:
            _let_others_go_on(execution, execution.current)
    finally:
        raw_release(execution.mutex)


def _let_others_go_on(execution: Execution, task: Task) -> None:
    """``task`` holds the baton but does not move: name it, and take the baton away."""
    execution.lost.append(
        f"{task.path} ({task.name}) did not come back within {execution.patience_s:g} s; "
        f"it is at {user_place(task)}:\n{stack_text(task)}"
    )
    task.outside = True
    execution.live.remove(task)
    execution.away.append(task)
    execution.enabled = None
    able = execution.find_enabled()
    execution.current = able[0] if able else None
    if able:
        able[0].carrier.resume()


def _give_up(execution: Execution) -> None:
    """Nobody moves and those who are away do not return: the execution ends here."""
    main = execution.tasks[0]
    execution.given_up += 1
    if not execution.failures:
        places = " / ".join(sorted({user_place(task) for task in execution.away})) or user_place(
            main
        )
        names = ", ".join(task.path for task in execution.away) or main.path
        execution.failures.append(
            TaskFailure("hang", "Hang", f"{names} never came back", places, names, None)
        )
    first = not execution.unwinding
    execution.begin_unwinding("a task did not come back")
    if main not in execution.away and first:
        execution.current = main
        main.carrier.resume()
    elif not main.ended:
        _interrupt_main(execution, main)


def _interrupt_main(execution: Execution, main: Task) -> None:
    main.doomed = True
    if execution.given_up > _LAST_RESORT:
        text = f"racecheck: native code holds the test body for ever at\n{stack_text(main)}"
        os.write(2, text.encode(errors="replace"))
        os._exit(70)
    interrupt(main.carrier.key, Unwind)
    if main.carrier.key == threading.main_thread().ident:
        signal.pthread_kill(main.carrier.key, signal.SIGINT)  # ends a system call


def stack_text(task: Task, limit: int = 8) -> str:
    """The Python stack of a task, innermost last, without our own frames."""
    frame = sys._current_frames().get(task.carrier.key)
    if frame is None:
        return "  (no Python stack)"
    frames = [
        summary
        for summary in traceback.extract_stack(frame)
        if not is_internal(summary.filename) or "threading" not in summary.filename
    ]
    return "".join(traceback.format_list(frames[-limit:])).rstrip()


def answer_alarm(execution: Execution, task: Task) -> None:
    """Called by a task whose operation finds ``steps > step_limit``."""
    if execution.unwinding:
        return
    if execution.interrupt is not None:
        _hand_to_main(execution, task)
        return
    raw_acquire(execution.mutex)
    try:
        if execution.step_limit == -1:
            execution.step_limit = execution.max_steps
    finally:
        raw_release(execution.mutex)
    if execution.current is not task:
        come_back(execution, task)
    if execution.steps > execution.step_limit:
        if execution.tail is None:
            execution.tail = FairTail(execution)
            execution.pick = execution.tail.pick
            execution.fixed_choices = len(execution.decisions)
        if execution.tail.observe():
            execution.begin_unwinding("step limit")


def come_back(execution: Execution, task: Task) -> None:
    """A task that was lost reaches a scheduling point again: it waits for its turn."""
    raw_acquire(execution.mutex)
    if task in execution.away:
        execution.away.remove(task)
        at = sum(other.index < task.index for other in execution.live)
        execution.live.insert(at, task)
        execution.enabled = None
    takes = execution.current is None and not execution.unwinding
    if takes:
        execution.current = task
    raw_release(execution.mutex)
    if not takes:
        execution.park(task)


def interrupted(execution: Execution, main: Task, error: BaseException) -> None:
    """A signal handler raised ``error`` while ``main`` was parked: take the baton back."""
    if execution.interrupt is None and not (execution.unwinding and execution.given_up):
        execution.interrupt = error
    execution.step_limit = -1
    if not main.carrier.pause_for(execution.patience_s / 2):
        running = execution.current
        if running is not None and running is not main and running in execution.live:
            execution.live.remove(running)
            execution.away.append(running)
            running.outside = True
    execution.current = main
    execution.begin_unwinding("interrupted")


def _hand_to_main(execution: Execution, task: Task) -> None:
    main = execution.tasks[0]
    execution.begin_unwinding("interrupted")
    if task is main:
        return
    execution.current = main
    main.carrier.resume()
    execution.park(task)
    if task.doomed:
        raise Unwind
