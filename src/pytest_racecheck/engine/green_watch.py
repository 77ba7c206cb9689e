"""A task on a greenlet that does not come back: it holds up every other one until it is ended.

In one OS thread the others cannot go on meanwhile, so the execution ends here.  The task is named,
an exception is raised wherever it is, and when it swallows that, it is left standing for good.
Only native code that no signal reaches holds out, and then the process says why it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.carrier import interrupt, take_back_interrupt
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.task import Unwind

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

_POKE_S = 0.002
_INTERRUPT_S = 0.05
#: After so many patiences a task that swallows every exception is left standing.
LEFT_AFTER = 2


def lose(execution: Execution, text: str) -> None:
    """Write down who holds the execution up, and begin to end it."""
    task = execution.current
    assert task is not None
    execution.given_up += 1
    if not execution.lost:
        execution.lost.append(text)
    if not execution.unwinding:
        execution.begin_unwinding("a task did not come back")
    task.doomed = True


def wake(execution: Execution, patience_s: float) -> None:
    """Raise in the OS thread of the greenlets until somebody else moves, or it has ended."""
    task, steps, key = execution.current, execution.steps, execution.tasks[0].carrier.key
    end = real_monotonic_s() + patience_s / 2
    while real_monotonic_s() < end and not execution.ended:
        if execution.current is not task or execution.steps != steps:
            break
        if execution.signals is None or not execution.signals.poke(key):
            kind = Leave if execution.given_up > LEFT_AFTER else Unwind
            interrupt(key, kind)
            real_sleep_s(_INTERRUPT_S)
        real_sleep_s(_POKE_S)
    take_back_interrupt(key)


def leave_standing(execution: Execution) -> None:
    """Called in the stack of the task that moves: it never moves again, and the body goes on."""
    task, main = execution.current, execution.tasks[0]
    if task is None or task is main or task.done:
        return
    carrier: Any = task.carrier
    while True:  # whoever resumes it once more gets the baton back at once
        execution.current = main
        main.carrier.resume()
        carrier.pause()


class Leave(Unwind):
    """Raised where no signal can be: leaves the task standing instead, if it is one."""

    def __init__(self, *args: object) -> None:
        from pytest_racecheck.engine import execution as engine

        super().__init__(*args)
        if engine.active is not None and engine.active.pool.on_greenlets:
            leave_standing(engine.active)
