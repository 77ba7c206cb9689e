"""Python threads that are not ours but alive: they may wake a task that nobody else can."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import thread as _pool
from types import FrameType
from typing import TYPE_CHECKING

from pytest_racecheck.engine.carrier import _serve
from pytest_racecheck.engine.looking import frame_locals

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

_WORKER = _pool._worker.__code__
_SERVE = _serve.__code__  # a carrier, though perhaps one of an abandoned task

#: Threads of test tools: they never touch what a test waits for.
_INERT = (
    *("/execnet/", "/xdist/", "/pytest_timeout.py", "/_pytest/"),
    *("/pydevd", "/debugpy/", "/zmq/utils/garbage.py"),
)


def foreign_threads(execution: Execution) -> list[str]:
    """Names of the threads outside our control that might still do something for a waiting task."""
    ours = {task.carrier.key for task in execution.tasks}
    ours.add(threading.main_thread().ident or 0)
    active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
    others = [(key, thread) for key, thread in list(active.items()) if key not in ours]
    if not others:
        return []  # as nearly always; the frames of all threads are costly, and form a circle
    frames = sys._current_frames()
    names = [thread.name for key, thread in others if not is_inert(frames.get(key))]
    frames.clear()
    return names


def is_inert(frame: FrameType | None) -> bool:
    """Whether a thread with this innermost frame belongs to a test tool, or waits for work."""
    if frame is None:
        return True  # it has ended already
    if frame.f_code is _WORKER and frame_locals(frame)["work_queue"].empty():
        return True  # it waits for work
    while frame is not None:
        filename = frame.f_code.co_filename.replace("\\", "/")
        if frame.f_code is _SERVE or any(tool in filename for tool in _INERT):
            return True
        frame = frame.f_back
    return False
