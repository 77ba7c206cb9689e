"""Notices in real time that a task does not come back, names it, and keeps the others going.

Everything here happens at most once in a patience, so it may be slow; the hot path pays one
comparison for it (``steps > step_limit``).
"""

from __future__ import annotations

import _thread
import linecache
import os
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from pytest_racecheck.engine import green_watch
from pytest_racecheck.engine.carrier import (
    allocate_gate,
    interrupt,
    raw_acquire,
    raw_release,
)
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.failure import TaskFailure, is_internal, is_ours, outwards, place
from pytest_racecheck.engine.livelock import FairTail
from pytest_racecheck.engine.task import Unwind
from pytest_racecheck.engine.waits import user_place

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

_LOOKS_PER_PATIENCE = 8
_LONGEST_LOOK_S = 0.25
_ALARM_S = 0.05
_POKE_S = 0.002
#: A task that is away and alone may be slow, not stuck: so many patiences until it is a hang.
PATIENCES_UNTIL_HANG = 4
#: Given up on a body that native code holds in the main thread, after this many patiences.
last_resort = 6
#: Exit status of a process that had to be given up.
GIVEN_UP = 70


GIVING_UP = "native code holds the test body for ever"
GIVING_UP_GREENLET = (
    "native code holds a task for ever, and with it all the others, which greenlets carry "
    "(use carrier='threads')"
)


def to_stderr(text: str) -> None:
    """Where last words go unless somebody knows better."""
    os.write(2, f"racecheck: {text}".encode(errors="replace"))


#: Says why the process ends at once; whoever knows where the user looks puts something better here.
say_last_words: Callable[[str], None] = to_stderr


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
        look_s = self._patience_s / _LOOKS_PER_PATIENCE
        while not raw_acquire(self._stop, True, min(look_s, _LONGEST_LOOK_S)):
            execution = self.execution
            now = real_monotonic_s()
            seen = None
            if execution is not None:
                seen = (execution, execution.steps, execution.current)
            if execution is None or seen != mark:
                mark, since = seen, now
            elif somebody_has_to_hear(execution):
                _interfere(execution, _let_main_hear)
            elif now - since >= self._patience_s * (1 - 1.5 / _LOOKS_PER_PATIENCE):
                _interfere(execution, _somebody_is_lost)
                mark = None
        raw_release(self._ended)


def somebody_has_to_hear(execution: Execution) -> bool:
    return execution.signals is not None and bool(execution.signals.waiting)


def _interfere(execution: Execution, act: Callable[[Execution], bool]) -> None:
    """Ring, and when nobody answers ``act``; then wake the body's thread if that is asked for."""
    steps = execution.steps
    limit, execution.step_limit = execution.step_limit, -1  # the next operation rings
    real_sleep_s(_ALARM_S)
    raw_acquire(execution.mutex)
    try:
        if execution.step_limit == -1:
            execution.step_limit = limit
        green = execution.pool.on_greenlets
        if execution.steps != steps or execution.ended or (execution.closing and not green):
            return
        wake = _lose_greenlet(execution) if green else act(execution)
    finally:
        raw_release(execution.mutex)
    if green:
        green_watch.wake(execution, execution.patience_s)
    elif wake:
        _wake_main(execution)


def _lose_greenlet(execution: Execution) -> bool:
    if somebody_has_to_hear(execution) and not execution.given_up:
        return True
    if execution.given_up > last_resort:
        _say_and_exit(execution.current or execution.tasks[0], GIVING_UP_GREENLET)
    green_watch.lose(execution, _lost_text(execution, execution.current or execution.tasks[0]))
    return True


def _let_main_hear(execution: Execution) -> bool:
    """A signal waits and whoever has the baton does not move: the body's thread gets it at once."""
    main = execution.tasks[0]
    holder = execution.current
    if holder is main or main in execution.away:
        return True
    if holder is not None:
        _name_the_lost(execution, holder)
    execution.hearing = main.doomed = True
    execution.current = main
    main.carrier.resume()
    return False


def _somebody_is_lost(execution: Execution) -> bool:
    execution.waited += 1
    if execution.current is not None and not execution.unwinding:
        execution.waited = 0
        _let_others_go_on(execution, execution.current)
        return False
    if not execution.unwinding and execution.waited < PATIENCES_UNTIL_HANG - 1:
        return False
    return _give_up(execution)


def _let_others_go_on(execution: Execution, task: Task) -> None:
    """``task`` holds the baton but does not move: name it, and take the baton away."""
    _name_the_lost(execution, task)
    able = execution.find_enabled()
    execution.current = able[0] if able else None
    if able:
        able[0].carrier.resume()


def _name_the_lost(execution: Execution, task: Task) -> None:
    execution.lost.append(_lost_text(execution, task))
    task.outside = True
    if task in execution.live:  # it may have come to its end at this very moment
        execution.live.remove(task)
        execution.away.append(task)
    execution.enabled = None


def _lost_text(execution: Execution, task: Task) -> str:
    return (
        f"{_named(task)} did not come back within {execution.patience_s:g} s; "
        f"it is at {user_place(task)}\n{stack_text(task)}"
    )


def _give_up(execution: Execution) -> bool:
    """Nobody moves and those who are away do not return: the execution ends here."""
    main = execution.tasks[0]
    execution.given_up += 1
    if not execution.failures:
        execution.failures.append(_hang(execution, main))
    first = not execution.unwinding
    execution.begin_unwinding("a task did not come back")
    if main not in execution.away and first:
        execution.current = main
        main.carrier.resume()
        return False
    return not main.ended


def _hang(execution: Execution, main: Task) -> TaskFailure:
    places = " / ".join(sorted({user_place(task) for task in execution.away})) or user_place(main)
    names = ", ".join(_named(task) for task in execution.away) or main.path
    message = (
        f"{names} never came back; give the operation a time-out, or explore with isolate=True"
    )
    first = execution.away[0] if execution.away else main
    return TaskFailure("hang", "Hang", message, places, first.path, None)


def _named(task: Task) -> str:
    return task.path if task.path == task.name else f"{task.path} ({task.name})"


def _wake_main(execution: Execution) -> None:
    """Raise in the body's thread, wherever it is: again and again, as it may swallow that."""
    main = execution.tasks[0]
    if execution.given_up > last_resort:
        _say_and_exit(main, GIVING_UP)
    if execution.given_up:
        main.doomed = True
    end = real_monotonic_s() + execution.patience_s / 2
    while real_monotonic_s() < end and not (execution.closing or execution.ended):
        if execution.signals is None or not execution.signals.poke(main.carrier.key):
            interrupt(main.carrier.key, Unwind)  # not the main thread: no signal reaches it
            real_sleep_s(execution.patience_s / _LOOKS_PER_PATIENCE)
        real_sleep_s(_POKE_S)
        if not execution.given_up and not somebody_has_to_hear(execution):
            return


def _say_and_exit(task: Task, why: str) -> None:
    say_last_words(f"{why}, at\n{stack_text(task)}\n")
    os._exit(GIVEN_UP)


def stack_text(task: Task, limit: int = 8) -> str:
    """The Python stack of a task, innermost last, without our own frames and what called us."""
    frame = task.carrier.frame()
    stack: list[tuple[FrameType, int]] = []
    while frame is not None:
        if not is_ours(frame.f_code.co_filename):
            stack.append((frame, frame.f_lineno))
        frame = outwards(frame)
    while stack and is_internal(stack[-1][0].f_code.co_filename):
        stack.pop()  # how the thread was started
    if not stack:
        return "  (no Python stack)"
    return "\n".join(_told(frame, line) for frame, line in reversed(stack[:limit]))


def _told(frame: FrameType, line: int) -> str:
    filename = frame.f_code.co_filename
    source = linecache.getline(filename, line).strip()
    return f"  {place(filename, line)} in {frame.f_code.co_name}: {source}".rstrip(": ")


def answer_alarm(execution: Execution, task: Task) -> None:
    """Called by a task whose operation finds ``steps > step_limit``."""
    if somebody_has_to_hear(execution):
        answer_signal(execution, task)
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
        _go_on_fairly(execution)


def _go_on_fairly(execution: Execution) -> None:
    if execution.tail is None:
        execution.tail = FairTail(execution)
        execution.pick = execution.tail.pick
        execution.fixed_choices = len(execution.decisions)
    if execution.tail.observe():
        execution.begin_unwinding("step limit")


def answer_signal(execution: Execution, task: Task) -> None:
    """The signal's handler runs in the body's thread, which gets the baton just for that."""
    main = execution.tasks[0]
    signals = execution.signals
    assert signals is not None
    if task is main:
        signals.hear()
    elif not execution.unwinding and main in execution.live:
        execution.heard_by = task
        execution.hearing = main.doomed = True
        execution.current = main
        main.carrier.resume()
        execution.park(task)
        if task.doomed:
            raise Unwind


def hear_signal(execution: Execution, main: Task) -> None:
    """In the body's thread: run the handlers; when none raises, give the baton back."""
    assert execution.signals is not None
    giver, execution.heard_by = execution.heard_by, None
    execution.hearing = False
    main.doomed = execution.unwinding and not main.ended
    execution.signals.hear()
    if main.doomed:
        return
    execution.current = giver
    if giver is not None:
        giver.carrier.resume()
    execution.park(main)


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
