"""How the body's own task ends: it waits for the tasks it left behind; what it raised counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_racecheck.engine.failure import stops_the_test
from pytest_racecheck.engine.task import Task, Unwind

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution


def let_the_others_end(execution: Execution, main: Task) -> None:
    """The body has returned; the execution ends when every other task has."""
    main.doomed = False

    def alone() -> bool:
        return len(execution.live) == 1 and not execution.away

    try:
        execution.wait_until(main, alone, "end", None)
    except Unwind:
        pass
    except BaseException as error:
        body_raised(execution, main, error)


def body_raised(execution: Execution, main: Task, error: BaseException) -> None:
    """A failure, unless it means that the whole test is to stop (Ctrl-C, skip, xfail, exit)."""
    signals = execution.signals
    stops = (
        isinstance(error, (KeyboardInterrupt, GeneratorExit))
        or stops_the_test(error)
        or (signals is not None and signals.is_the_cause(error))
    )
    if execution.interrupt is None and stops:
        execution.interrupt = error
    if execution.interrupt is not None:
        execution.begin_unwinding("interrupted")
    else:
        execution.fail(main, error)
