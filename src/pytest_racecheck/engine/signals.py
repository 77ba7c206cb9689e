"""Signals while a body is explored: no handler runs in the middle of the engine.

A handler may raise (Ctrl-C, a time-out), and an exception between "choose who moves" and "wait at
the gate" would let two tasks move at once.  So a handler that would interrupt code of ours is kept
until the main thread has the baton and stands where an exception can be raised; one that interrupts
the user's code runs at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.failure import is_internal, is_ours
from pytest_racecheck.engine.green_watch import LEFT_AFTER, leave_standing
from pytest_racecheck.engine.task import Unwind

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

#: Wakes the main thread out of a system call; ignored by default, so it can do no harm late.
POKE: int | None = getattr(signal, "SIGURG", None)
_ENGINE = os.path.dirname(os.path.abspath(__file__)) + os.sep

#: How often an exception is just raised before it is raised in every line.
_PLAIN_POKES = 3

Handler = Callable[[int, FrameType | None], Any]


class Signals:
    """Stands before every Python handler of the process while entered, in the main thread only."""

    def __init__(self) -> None:
        self.execution: Execution | None = None
        self.waiting: list[tuple[Handler, int]] = []
        self.in_charge = False
        self._before: dict[int, Any] = {}
        self._raised: BaseException | None = None
        self._pokes = 0
        self._tracer_before: Any = None

    def __enter__(self) -> Signals:
        if threading.current_thread() is not threading.main_thread():
            return self
        self.in_charge = True
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler) and not isinstance(handler, signal.Handlers):
                self._before[number] = handler
                signal.signal(number, self._on_signal)
        if POKE is not None and POKE not in self._before:
            self._before[POKE] = signal.signal(POKE, self._on_poke)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self.in_charge = False
        self.hear()

    def hear(self) -> None:
        """Run the handlers that were kept waiting; they usually raise."""
        while self.waiting:
            handler, number = self.waiting.pop(0)
            self._run(handler, number, sys._getframe(1))

    def is_the_cause(self, error: BaseException) -> bool:
        """Whether a handler raised ``error``, so that it is no failure of the body."""
        return error is self._raised

    def poke(self, key: int) -> bool:
        """Ask the main thread ``key`` to look at what waits for it; False when it cannot hear."""
        if not self.in_charge or POKE is None or key != threading.main_thread().ident:
            return False
        signal.pthread_kill(key, POKE)
        return True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        handler = self._before[number]
        if not _in_ours(frame, "") and not self._in_another_task():
            self._run(handler, number, frame)
            return
        self.waiting.append((handler, number))
        if self.execution is not None:
            self.execution.step_limit = -1  # the next operation asks why

    def _in_another_task(self) -> bool:
        """Whether the main thread carries a task that is not the body's, where no signal comes."""
        execution = self.execution
        if execution is None or not execution.pool.on_greenlets:
            return False
        return execution.current is not None and execution.current.index != 0

    def _on_poke(self, _number: int, frame: FrameType | None) -> None:
        execution = self.execution
        if execution is None or not execution.tasks or _in_ours(frame, _ENGINE):
            return
        if self.waiting:
            self.hear()
        elif execution.pool.on_greenlets and execution.given_up > LEFT_AFTER:
            leave_standing(execution)
        elif _must_end(execution):
            self._pokes += 1
            if self._pokes <= _PLAIN_POKES:
                raise Unwind
            self._raise_at_next_line(frame)

    def _raise_at_next_line(self, frame: FrameType | None) -> None:
        """The body swallows what is raised in its ``try``: a trace raises in its ``except`` too."""
        while frame is not None and frame.f_code.co_qualname != "Execution.run":
            if not is_internal(frame.f_code.co_filename):
                frame.f_trace = self._trace
            frame = frame.f_back
        sys.settrace(_trace_no_further_frame)

    def _trace(self, _frame: FrameType, event: str, _arg: object) -> Any:
        # Not at "exception": that would be raised inside the ``try`` again.
        if event == "line" and self.execution is not None and _must_end(self.execution):
            raise Unwind
        return self._trace

    def begin(self, execution: Execution) -> None:
        """``execution`` begins: what waited is heard before."""
        self.hear()
        self._tracer_before = sys.gettrace()
        self.execution = execution
        execution.signals = self

    def end(self) -> None:
        """The execution has ended; a coverage tool or debugger traces again as before."""
        self.execution = None
        if self._pokes:  # what is raised inside a tracer ends it, too
            sys.settrace(self._tracer_before)
        self._pokes = 0

    def _run(self, handler: Handler, number: int, frame: FrameType | None) -> None:
        execution = self.execution
        if execution is not None:
            execution.needs.append("a signal handler ran, which belongs to the main thread")
        try:
            # A handler comes when it likes: under control it would make every replay differ.
            with nullcontext() if execution is None else execution.uncontrolled_here():
                handler(number, frame)
        except BaseException as error:
            self._raised = error
            raise


def _must_end(execution: Execution) -> bool:
    if execution.pool.on_greenlets:
        current = execution.current
        return current is not None and current.doomed and not execution.ended
    return execution.tasks[0].doomed and not execution.closing and not execution.ended


def _trace_no_further_frame(_frame: FrameType, _event: str, _arg: object) -> None:
    """Tracing has to be on in a thread for the frames that are traced to be so."""


def _in_ours(frame: FrameType | None, folder: str) -> bool:
    """Whether the innermost code that is not the standard library's is ours, below ``folder``."""
    while frame is not None:
        filename = frame.f_code.co_filename
        if is_ours(filename):
            return filename.startswith(folder)
        if not is_internal(filename):
            return False
        frame = frame.f_back
    return False
