"""Tasks carried by greenlets: all in the calling OS thread, so that a hand-over is a function call.

The seam is that of ``carrier.py``.  What an OS thread would give a task of its own is given here:
an identity, thread-local data (thread_data.py), a context, and (by greenlet itself) its exceptions.
What cannot be given is found by ``needs.py``, and then the search runs on threads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

import greenlet

from pytest_racecheck.engine.carrier import current_key, current_native_id
from pytest_racecheck.engine.thread_data import NOTHING, Kept, ThreadData, data_follows

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

#: Identities of tasks begin here: no address of a thread, and no number of a process, is like it.
FIRST_KEY = 1 << 52
_FIRST_NATIVE_ID = 1 << 30

#: Greenlets of tasks that would not end: kept, because greenlet would raise in them, whenever.
_abandoned: list[GreenCarrier] = []


class GreenCarrier:
    """One greenlet: its gate is the switch to another one."""

    __slots__ = ("greenlet", "job", "kept", "key", "native_id", "pool", "retired", "switch")

    def __init__(self, pool: GreenPool, key: int, carried: greenlet.greenlet | None = None) -> None:
        self.pool = pool
        self.key = key
        # The body has the number of its thread; no process has one like those of the others.
        self.native_id = current_native_id() if carried else _FIRST_NATIVE_ID + key - FIRST_KEY
        self.greenlet = greenlet.greenlet(self._serve, pool.hub) if carried is None else carried
        self.switch: Callable[[], Any] = self.greenlet.switch
        self.kept: Kept = NOTHING
        self.job: Callable[[], None] | None = None
        self.retired = False

    def resume(self) -> None:
        """The next one to move, as soon as the one that moves now pauses or ends."""
        self.pool.target = self

    def pause(self) -> None:
        """Let the one that was resumed move; return when this one is resumed."""
        self.pool.leave(self)

    def pause_for(self, seconds: float) -> bool:
        """The same: in one OS thread nobody can wait for a time; the watchdog ends what hangs."""
        del seconds
        self.pool.leave(self)
        return True

    def frame(self) -> FrameType | None:
        """The innermost frame, wherever this greenlet stands."""
        if not self.greenlet:
            return None  # not begun
        frame: FrameType | None = self.greenlet.gr_frame
        return sys._current_frames().get(self.pool.key) if frame is None else frame

    def end_data(self) -> None:
        """The task has ended: its thread-local data dies before anybody else moves."""
        data = self.pool.data
        if data.entries or data.pointers[0]:
            data.let_go()

    def _serve(self) -> None:
        greenlet.getcurrent().parent.switch()
        while self.job is not None:
            self.job()
            self.job = None
            self.greenlet.gr_context = None  # the next task begins with an empty one
            self.pool.leave(self)

    def abandon(self) -> None:
        """Nobody resumes it any more."""
        self.retired = True
        _abandoned.append(self)


class GreenPool:
    """Greenlets that wait for a job between executions, in the OS thread that made the pool."""

    on_greenlets: ClassVar[bool] = True

    def __init__(self) -> None:
        self.idle: list[GreenCarrier] = []
        self.made = 0
        self.key = current_key()
        self.hub = greenlet.getcurrent()
        self.data = ThreadData()
        self._entries, self._pointers = self.data.entries, self.data.pointers
        self._main = GreenCarrier(self, self.key, self.hub)
        self.target = self._main
        self.execution: Any = None

    def main(self) -> GreenCarrier:
        """What carries the body: the greenlet that calls, with the identity of its OS thread."""
        return self._main

    def begin(self, execution: Execution) -> None:
        """``execution`` is the one whose tasks move from now on."""
        self.execution = execution

    def start(self, job: Callable[[], None]) -> GreenCarrier:
        """Give ``job`` to an idle carrier; it begins when the carrier is resumed."""
        carrier = self.idle.pop() if self.idle else self._grow()
        carrier.job = job
        return carrier

    def _grow(self) -> GreenCarrier:
        self.made += 1
        carrier = GreenCarrier(self, FIRST_KEY + self.made)
        # Begun here and not when it is first resumed: it counts its calls from those of whoever
        # begins it, and a task that begins a task that begins a task would come to the limit.
        carrier.greenlet.parent = greenlet.getcurrent()
        carrier.switch()
        carrier.greenlet.parent = self.hub
        return carrier

    def hand_over(self, execution: Execution, task: Task, chosen: Task) -> None:
        """``chosen`` moves; return when it is the turn of ``task`` again."""
        other: Any = chosen.carrier
        if self._entries or self._pointers[0] or other.kept is not NOTHING:
            mine: Any = task.carrier
            mine.kept, other.kept = self.data.exchange(other.kept), NOTHING
        execution.by_key[self.key] = chosen
        other.switch()

    def leave(self, mine: GreenCarrier) -> None:
        """The same, to the carrier that was resumed last."""
        other = self.target
        if self._entries or self._pointers[0] or other.kept is not NOTHING:
            mine.kept, other.kept = self.data.exchange(other.kept), NOTHING
        self.execution.by_key[self.key] = self.execution.current
        other.switch()

    def retire(self) -> None:
        """End every idle greenlet."""
        while self.idle:
            carrier = self.idle.pop()
            carrier.job = None
            carrier.switch()


def why_not() -> str | None:
    """Why this interpreter cannot carry tasks by greenlets, or None."""
    return None if data_follows() else "thread-local data cannot be put aside in this interpreter"
