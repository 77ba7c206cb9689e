"""Waiting in both modes: a task under control waits in virtual time, a free thread in real time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pytest_racecheck.engine.choosing import choose
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.execution import Execution, controlled

#: A free thread looks this often whether it may go on.
_TICK_S = 0.0005


def _never() -> bool:
    return False


def who() -> str:
    """The name of the calling task or thread."""
    found = controlled()
    return threading.current_thread().name if found is None else found[1].name


def caller() -> object:
    """Something that tells the calling task or thread from all others."""
    found = controlled()
    return threading.get_ident() if found is None else found[1]


def execution_here() -> Execution | None:
    """The execution whose task is calling, or None on a free thread."""
    found = controlled()
    return None if found is None else found[0]


def reach(text: str) -> None:
    """A scheduling point before something happens that others may notice; free: nothing."""
    found = controlled()
    if found is not None:
        found[0].switch(found[1], "reach", text)


def pause(seconds: float, text: str) -> None:
    """Let ``seconds`` pass, of the clock that the caller lives by."""
    found = controlled()
    if found is None:
        real_sleep_s(seconds)
    elif seconds > 0:
        found[0].wait_until(found[1], _never, "sleep", text, seconds)


def wait_for(ready: Callable[[], bool], text: str, within_s: float) -> bool:
    """Wait until ``ready()``; False when it was not, ``within_s`` seconds of the caller's clock."""
    found = controlled()
    if found is not None:
        execution, task = found
        return execution.wait_until(task, ready, "wait for", text, within_s) or ready()
    end_s = real_monotonic_s() + within_s
    while not ready():
        if real_monotonic_s() > end_s:
            return False
        real_sleep_s(_TICK_S)
    return True


def coin(draw: Callable[[], bool]) -> bool:
    """Whether something that may happen happens: a recorded choice under control, else ``draw()``.

    While a task is alone, and nothing can be chosen, it does.
    """
    found = controlled()
    if found is None:
        return draw()
    execution, task = found
    others = [one for one in execution.tasks if one is not task]
    if not others:
        return True
    sides = [task, others[0]] if task.index < others[0].index else [others[0], task]
    return choose(execution, sides) is task
