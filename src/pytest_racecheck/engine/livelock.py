"""Past the step limit: run fairly for a while, and see whether the whole state repeats.

Under a fixed fair order, a state that is met twice is met for ever: that is a livelock, certainly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_racecheck.engine.failure import TaskFailure, is_internal
from pytest_racecheck.engine.looking import frame_locals, own_dict
from pytest_racecheck.engine.naming import value_text
from pytest_racecheck.engine.waits import describe_waits, user_place

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

TAIL_STEPS = 1_000


class FairTail:
    """Takes over from the strategy: the tasks that can move, in turn."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._turn = 0
        self._seen: set[int] = set()
        self._steps = 0

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Choose the next in turn by birth; time-outs fire only when nobody can move."""
        options = enabled or late
        after = [task for task in options if task.index > self._turn]
        chosen = (after or list(options))[0]
        self._turn = chosen.index
        return chosen

    def observe(self) -> bool:
        """Take one more step into account; True when this is the end of the execution."""
        execution = self._execution
        self._steps += 1
        state = hash((self._turn, *(_state_of(task) for task in execution.live)))
        if state in self._seen:
            stuck = [task for task in execution.live if not task.ended]
            where = " / ".join(sorted({user_place(task) for task in stuck}))
            waits = tuple(describe_waits(execution, stuck))
            if not execution.failures:
                message = f"the same state came back after {execution.steps} operations"
                execution.failures.append(
                    TaskFailure("livelock", "Livelock", message, where, stuck[0].path, None, waits)
                )
            execution.cut_off = "livelock"
            return True
        self._seen.add(state)
        if self._steps >= TAIL_STEPS:
            execution.cut_off = f"the limit of {execution.max_steps} operations was reached"
            return True
        return False


def _state_of(task: Task) -> tuple[object, ...]:
    frame = sys._current_frames().get(task.carrier.key)
    state: list[object] = [task.index, task.pending[0]]
    while frame is not None:
        if not is_internal(frame.f_code.co_filename):
            state.append((frame.f_code.co_qualname, frame.f_lasti))
            state.extend((name, _shallow(value)) for name, value in frame_locals(frame).items())
        frame = frame.f_back
    return tuple(state)


def _shallow(value: object) -> object:
    inner = None if callable(value) else own_dict(value)
    if inner is not None:
        return tuple((name, value_text(v)) for name, v in inner.items())
    return value_text(value)
