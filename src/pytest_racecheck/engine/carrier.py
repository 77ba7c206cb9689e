"""What carries a task: the seam between the engine and OS threads (or greenlets, greenlets.py).

The engine uses four verbs and nothing else: ``start`` a job, ``resume`` a carrier, ``pause`` the
calling one (``hand_over`` does both), and ``current_key`` to know who is calling.  Which task moves
is never decided here.  OS threads are pooled, because starting one costs ten times a hand-over of
the baton.
"""

from __future__ import annotations

import _thread
import contextvars
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_racecheck.engine.thread_data import ThreadData

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

LockType = type(_thread.allocate_lock())
RLockType = _thread.RLock
#: The C methods themselves, taken before anything replaces the entries of the type.
raw_acquire = LockType.__dict__["acquire"]
raw_release = LockType.__dict__["release"]
raw_locked = LockType.__dict__["locked"]
#: Which worker of pytest-xdist this process is; "" for anybody else.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
_raw_start = _thread.start_new_thread

current_key = _thread.get_ident
current_native_id = _thread.get_native_id


def allocate_gate() -> Any:
    """A lock that nothing controls; use it with ``raw_acquire`` and ``raw_release`` only."""
    return _thread.allocate_lock()


class Carrier:
    """One OS thread and its gate; ``resume`` opens the gate, ``pause`` waits at it."""

    __slots__ = ("data", "gate", "job", "key", "native_id", "pause", "resume", "retired")

    def __init__(self) -> None:
        self.gate = _thread.allocate_lock()
        self.resume: Callable[[], None] = raw_release.__get__(self.gate)
        self.pause: Callable[..., Any] = raw_acquire.__get__(self.gate)
        self.pause()
        self.key = current_key()
        self.native_id = current_native_id()
        self.job: Callable[[], None] | None = None
        self.data: ThreadData | None = None  # of a pooled thread
        self.retired = False  # abandoned with its task: its thread ends when it can

    def pause_for(self, seconds: float) -> bool:
        """Wait at the gate for at most ``seconds`` of real time; False when nobody opened it."""
        return bool(raw_acquire(self.gate, True, seconds))

    def frame(self) -> FrameType | None:
        """The innermost frame, wherever this thread stands."""
        return sys._current_frames().get(self.key)

    def end_data(self) -> None:
        """The task has ended: its thread-local data dies before anybody else moves."""
        data = self.data
        if data is not None and (data.entries or data.pointers[0]):
            data.let_go()

    def abandon(self) -> None:
        """Its thread ends when it can."""
        self.retired = True


class CarrierPool:
    """OS threads that wait for a job between executions."""

    on_greenlets: ClassVar[bool] = False

    def __init__(self) -> None:
        self.idle: list[Carrier] = []
        self.made = 0

    def main(self) -> Carrier:
        """What carries the body: the thread that calls."""
        return Carrier()

    def begin(self, execution: Execution) -> None:
        """``execution`` is the one whose tasks move from now on."""

    def hand_over(self, execution: Execution, task: Task, chosen: Task) -> None:
        """``chosen`` moves; return when it is the turn of ``task`` again."""
        chosen.carrier.resume()
        execution.park(task)

    def start(self, job: Callable[[], None]) -> Carrier:
        """Give ``job`` to an idle carrier; it begins when the carrier is resumed."""
        carrier = self.idle.pop() if self.idle else self._grow()
        carrier.job = job
        return carrier

    def _grow(self) -> Carrier:
        carrier = Carrier()
        begun = _thread.allocate_lock()
        raw_acquire(begun)
        try:
            _raw_start(_serve, (carrier, begun))
        except RuntimeError as error:
            raise RuntimeError(f"no further OS thread can be started ({self.made} made)") from error
        raw_acquire(begun)
        self.made += 1
        return carrier

    def retire(self) -> None:
        """End every idle carrier; its thread-local data goes with it."""
        while self.idle:
            carrier = self.idle.pop()
            carrier.job = None
            carrier.resume()


def _serve(carrier: Carrier, begun: Any) -> None:
    carrier.key = current_key()
    carrier.native_id = current_native_id()
    carrier.data = ThreadData()
    raw_release(begun)
    while True:
        carrier.pause()
        job = carrier.job
        if job is None:
            return
        _trace_like_a_new_thread()
        contextvars.Context().run(job)
        job = None
        if carrier.retired:
            return


def _trace_like_a_new_thread() -> None:
    # A coverage tool or debugger asks for each new thread; a pooled one is new to the test.
    trace, profile = threading._trace_hook, threading._profile_hook  # type: ignore[attr-defined]
    if trace is not None:
        sys.settrace(trace)
    if profile is not None:
        sys.setprofile(profile)


def interrupt(key: int, error: type[BaseException]) -> bool:
    """Ask the OS thread ``key`` to raise ``error`` at its next bytecode; False if it is gone."""
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(key), ctypes.py_object(error)
    )
    return bool(raised == 1)


class _HeardOfIt(BaseException):
    """Raised in the thread that takes an interrupt back, and caught there at once."""


def take_back_interrupt(key: int) -> None:
    """An exception asked for that was not raised yet will not be."""
    ask = ctypes.pythonapi.PyThreadState_SetAsyncExc
    here = ctypes.c_ulong(current_key())
    ask(ctypes.c_ulong(key), None)
    if sys.version_info >= (3, 13):
        return
    # Before 3.13 this leaves a mark, "an exception waits", that only one which is raised takes
    # away; on 3.11 a function that is traced would then go round in its first instruction for ever.
    try:
        ask(here, ctypes.py_object(_HeardOfIt))
        while True:
            pass
    except _HeardOfIt:
        return


class OneCpu:
    """Keep the calling thread, and the carriers it starts, on one CPU while it is entered.

    Only one task moves at a time, so a second CPU cannot help.  The batch class of Linux keeps a
    carrier that is woken from preempting the one that wakes it, which still holds the interpreter
    lock: that halves the cost of a hand-over (measured, docs/benchmarks.md).
    """

    def __init__(self) -> None:
        self._before: set[int] | None = None
        self._batch = False

    def __enter__(self) -> OneCpu:
        for arrange in (self._pin, self._enter_batch):
            try:
                arrange()
            except OSError:
                continue  # a sandbox may forbid it: slower, not wrong
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            os.sched_setaffinity(0, self._before)
        if self._batch:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def _pin(self) -> None:
        if hasattr(os, "sched_setaffinity"):
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {_cpu_of_its_own(before)})
            self._before = before

    def _enter_batch(self) -> None:
        # Whoever chose another class than the usual one has a reason, and keeps it.
        if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            self._batch = True


def _cpu_of_its_own(allowed: set[int]) -> int:
    """One CPU a worker of pytest-xdist; else the one where the calling thread is.

    Workers begin to search at the same moment, and two that bind themselves to the same CPU take
    twice as long while another one idles.  Anybody else is best where the system has put them: it
    knows who else is busy.
    """
    cpus = sorted(allowed)
    if _worker.isdecimal():
        return cpus[int(_worker) % len(cpus)]
    try:
        here = int(ctypes.pythonapi.sched_getcpu())
    except AttributeError:  # a C library without it
        here = -1
    return here if here in allowed else cpus[os.getpid() % len(cpus)]
