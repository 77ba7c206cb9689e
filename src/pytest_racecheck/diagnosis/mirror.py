"""What a child process has chosen so far, in memory that it shares with its parent.

When the child dies, the parent still knows the schedule that killed it; while it lives, the parent
sees that it does.
"""

from __future__ import annotations

import _thread
import mmap
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_racecheck.engine.clock import real_sleep_s
from pytest_racecheck.engine.schedule import CHECK_EVERY, Schedule, check_digits, running_check

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

_COUNTERS = ("beats", "executions", "made", "preemptions")
_COUNTER = struct.Struct("<Q")
_CHOICE = struct.Struct("<IB")  # index of the task chosen, running check
_FIRST_CHOICE = _COUNTER.size * len(_COUNTERS)
BEAT_S = 0.02

Pick = Callable[[Sequence["Task"], "Task | None", Sequence["Task"]], "Task"]


class Mirror:
    """Counters and the choices of the execution that is going on; made before the fork."""

    def __init__(self, most_choices: int) -> None:
        self._most = most_choices
        self._memory = mmap.mmap(-1, _FIRST_CHOICE + most_choices * _CHOICE.size)

    # --- in the child ---------------------------------------------------------------------------

    def begin(self, execution: Execution) -> None:
        """Write down every choice of ``execution``, which has not begun yet."""
        self._write("made", 0)
        self._write("preemptions", 0)
        self._write("executions", self.read("executions") + 1)
        execution.pick = self._seen(execution.pick)  # type: ignore[assignment]

    def _seen(self, pick: Pick) -> Pick:
        check = made = 0

        def pick_and_write(
            enabled: Sequence[Task], current: Task | None, late: Sequence[Task]
        ) -> Task:
            nonlocal check, made
            chosen = pick(enabled, current, late)
            check = running_check(chosen.index, chosen.pending[0], check)
            if made < self._most:
                place = _FIRST_CHOICE + made * _CHOICE.size
                _CHOICE.pack_into(self._memory, place, chosen.index, check & 0xFF)
                made += 1
                self._write("made", made)
            if current is not None and chosen is not current:
                self._write("preemptions", self.read("preemptions") + 1)
            return chosen

        return pick_and_write

    def beat(self) -> None:
        """Count in a thread of its own, which native code that keeps the interpreter stops."""
        _thread.start_new_thread(self._beat, ())

    def _beat(self) -> None:
        while True:
            self._write("beats", self.read("beats") + 1)
            real_sleep_s(BEAT_S)

    def _write(self, name: str, value: int) -> None:
        _COUNTER.pack_into(self._memory, _COUNTERS.index(name) * _COUNTER.size, value)

    # --- in the parent --------------------------------------------------------------------------

    def read(self, name: str) -> int:
        """One of the counters: beats, executions, made (choices) or preemptions."""
        return int(_COUNTER.unpack_from(self._memory, _COUNTERS.index(name) * _COUNTER.size)[0])

    def progress(self) -> tuple[int, int]:
        """Changes while executions begin and choices are made."""
        return self.read("executions"), self.read("made")

    def schedule(self, strategy: str) -> Schedule:
        """The choices of the last execution."""
        made = self.read("made")
        entries = [
            _CHOICE.unpack_from(self._memory, _FIRST_CHOICE + n * _CHOICE.size) for n in range(made)
        ]
        digits = [
            check_digits(check)
            for n, (_, check) in enumerate(entries, start=1)
            if n % CHECK_EVERY == 0 or n == made
        ]
        return Schedule(strategy, tuple(index for index, _ in entries), "".join(digits))
