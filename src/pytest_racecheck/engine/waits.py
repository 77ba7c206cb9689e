"""Who waits for whom: the wait-for graph of an execution, in words."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING

from pytest_racecheck.engine.failure import is_internal, place, user_frame
from pytest_racecheck.engine.naming import name_in_frame

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task


def frame_of(task: Task) -> FrameType | None:
    """The innermost frame of a task that is parked at its gate (or lost)."""
    return sys._current_frames().get(task.carrier.key)


def user_place(task: Task) -> str:
    """Where in the user's code a parked task stands, as "file.py:12"."""
    frame = user_frame(frame_of(task))
    return "unknown" if frame is None else place(frame.f_code.co_filename, frame.f_lineno)


def user_line(task: Task) -> tuple[str, int]:
    """The source file and line where a parked task stands; ("", 0) when there is none."""
    frame = user_frame(frame_of(task))
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def waits_for(execution: Execution, task: Task) -> Task | None:
    """The task that alone can let ``task`` go on: the owner of a lock, the thread joined."""
    label, target, _ = task.pending
    if label == "join":
        return next((t for t in execution.tasks if t.thread is target and target is not None), None)
    if label == "end":
        return None
    owner = execution.owners.get(id(target))
    return None if owner is None else owner[0]


def wait_cycle(execution: Execution, stuck: list[Task]) -> list[Task]:
    """A cycle of tasks each waiting for the next, or an empty list."""
    for start in stuck:
        path: list[Task] = []
        task: Task | None = start
        while task is not None and task not in path:
            path.append(task)
            task = waits_for(execution, task)
        if task is not None:
            return path[path.index(task) :]
    return []


def describe_waits(execution: Execution, stuck: list[Task]) -> list[str]:
    """One line a stuck task: who, doing what, on which object held by whom, where."""
    lines = []
    for task in stuck:
        owner = waits_for(execution, task)
        verb, thing = describe_pending(task)
        held = (
            "" if owner is None else f", which {owner.path} ({owner.name}) " + _has(task, execution)
        )
        lines.append(
            f"{task.path} ({task.name}) at {user_place(task)}: {verb} {thing}{held}".rstrip()
        )
    return lines


def _has(task: Task, execution: Execution) -> str:
    if task.pending[0] == "join":
        return "has not ended"
    site = execution.held_at.get(id(task.pending[1]))
    return f"took at {site}" if site else "holds"


#: Methods of the standard library whose waiting is what the user asked for, outermost wins.
def describe_pending(task: Task) -> tuple[str, str]:
    """The operation as the user wrote it: ("Queue.get", "jobs") rather than an inner lock."""
    label, target, _ = task.pending
    frame = frame_of(task)
    outer: FrameType | None = None
    while frame is not None and is_internal(frame.f_code.co_filename):
        if type(frame.f_locals.get("self")).__module__ in ("threading", "queue", "_queue"):
            outer = frame
        frame = frame.f_back
    if outer is not None:
        owner = outer.f_locals["self"]
        name = name_in_frame(frame, owner)
        kind = type(owner).__name__
        if kind not in ("Thread", "_MainThread") and outer.f_code.co_name not in ("__enter__",):
            return f"waits in {kind}.{outer.f_code.co_name} of", name
    return f"waits to {label}", name_in_frame(frame, target)
