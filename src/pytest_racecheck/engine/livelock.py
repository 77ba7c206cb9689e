"""Past the step limit: run fairly for a while, and see whether the whole state repeats.

Under a fixed fair order, a state that is met twice is met for ever: that is a livelock.  A state
is what can be seen from the frames of the tasks (``snapshot``), not what C code keeps to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.snapshot import snapshot, standing_places
from pytest_racecheck.engine.waits import describe_waits, user_place

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

TAIL_STEPS = 1_100
#: Whenever the tasks stand where they stood, so many times, the whole state is compared.
FULL_LOOKS = 8


class FairTail:
    """Takes over from the strategy: the tasks that can move, in turn."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._turn = 0
        self._steps = 0
        self._looks_at_clock = False
        self._reference: tuple[int, int] = (0, 0)  # where the tasks stood, and the whole state
        self._met = 0  # how often they stood there again

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
        reads = any(task.pending[0] == "read clock" for task in execution.live)
        self._looks_at_clock = self._looks_at_clock or reads
        if self._came_back():
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
        if self._steps >= TAIL_STEPS:
            execution.cut_off = f"the limit of {execution.max_steps} operations was reached"
            return True
        return False

    def _came_back(self) -> bool:
        """Compare with the state at the last power of two (Brent 1980), rarely in full."""
        execution = self._execution
        places = hash((self._turn, standing_places(execution)))
        if self._steps.bit_count() == 1:
            self._reference = (places, snapshot(execution, self._looks_at_clock))
            self._met = 0
            return False
        if places != self._reference[0]:
            return False
        self._met += 1
        if self._met > FULL_LOOKS and self._met.bit_count() > 1:
            return False
        return snapshot(execution, self._looks_at_clock) == self._reference[1]
