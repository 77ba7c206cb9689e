"""Executors that a body leaves open: their idle workers go home, and the executor starts afresh.

An idle worker waits for work that nobody has to give it, so it is neither a deadlock nor a thread
left over.  It cannot be ended by an exception, because it logs every one; it is ended as at the end
of the process, by the module's own flag, which is set back before anybody else can see it.
"""

from __future__ import annotations

import concurrent.futures.thread as pool
import queue
from types import FrameType
from typing import Any

from pytest_racecheck.engine.looking import frame_locals

WORKER = pool._worker.__code__

_dismissed: list[tuple[Any, bool]] = []  # (executor, whether it was shut down before)


def dismiss(worker: FrameType) -> None:
    """Called in an idle worker's thread: what it gets from the queue now makes it return."""
    executor = frame_locals(worker)["executor_reference"]()
    if executor is not None and all(executor is not known for known, _ in _dismissed):
        _dismissed.append((executor, executor._shutdown))
    pool._shutdown = True


def take_back_dismissals() -> None:
    """Between executions: executors that live on have no workers, and know it."""
    if not _dismissed:
        return
    pool._shutdown = False
    for executor, was_shut_down in _dismissed:
        executor._shutdown = was_shut_down
        executor._threads.clear()
        executor._idle_semaphore._value = 0
        _drop_wake_ups(executor._work_queue)
    _dismissed.clear()


def _drop_wake_ups(work: Any) -> None:
    kept = []
    try:
        while True:
            item = work.get_nowait()
            if item is not None:
                kept.append(item)
    except queue.Empty:
        for item in kept:
            work.put(item)
