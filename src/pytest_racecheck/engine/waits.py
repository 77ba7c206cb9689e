"""Who waits for whom: the wait-for graph of an execution, in words."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING

from pytest_racecheck.engine.failure import is_internal, outwards, place, user_frame
from pytest_racecheck.engine.looking import frame_locals
from pytest_racecheck.engine.naming import name_in_frame

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task


def frame_of(task: Task) -> FrameType | None:
    """The innermost frame of a task that is parked at its gate (or lost)."""
    return task.carrier.frame()


def user_place(task: Task) -> str:
    """Where in the user's code a parked task stands, as "file.py:12".

    A thread whose target is a library's function runs none of it: then the target is named.
    """
    frame = user_frame(frame_of(task))
    if frame is None:
        target = getattr(task.thread, "_target", None)
        return getattr(target, "__qualname__", None) or "unknown"
    return place(frame.f_code.co_filename, frame.f_lineno)


def user_line(task: Task) -> tuple[str, int]:
    """The source file and line where a parked task stands; ("", 0) when there is none."""
    frame = user_frame(frame_of(task))
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def waits_for(execution: Execution, task: Task) -> list[Task]:
    """The tasks without which ``task`` cannot go on: the owner of a lock, the thread joined."""
    label, target, _ = task.pending
    if task.done:
        return []  # it has ended, and may have left a lock taken
    if label == "join":
        return [t for t in execution.tasks if t.thread is target and target is not None][:1]
    if label == "end":
        return []
    told = getattr(type(target), "__racecheck_blockers__", None)  # an adapter knows it
    if told is not None:
        return list(told(target))
    owner = execution.owners.get(id(target))
    return [] if owner is None else [owner[0]]


def wait_cycle(execution: Execution, stuck: list[Task]) -> list[Task]:
    """A cycle of tasks each waiting for the next, or an empty list."""
    hopeless: set[Task] = set()  # no cycle is to be found from there
    for start in stuck:
        found = _cycle_from(execution, start, [], hopeless)
        if found:
            return found
    return []


def _cycle_from(
    execution: Execution, task: Task, path: list[Task], hopeless: set[Task]
) -> list[Task]:
    if task in path:
        return path[path.index(task) :]
    if task in hopeless:
        return []
    for other in waits_for(execution, task):
        found = _cycle_from(execution, other, [*path, task], hopeless)
        if found:
            return found
    hopeless.add(task)
    return []


def describe_waits(execution: Execution, stuck: list[Task]) -> list[str]:
    """One line a stuck task: who, doing what, on which object held by whom, where."""
    lines = []
    for task in stuck:
        told = getattr(type(task.pending[1]), "__racecheck_wait__", None)
        if told is not None:
            text = told(task.pending[1])
            lines.append(f"{task.path} ({task.name}) at {user_place(task)}: {text}")
            continue
        owner = next(iter(waits_for(execution, task)), None)
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


def describe_pending(task: Task) -> tuple[str, str]:
    """The operation as the user wrote it: ("waits in Queue.get of", "`jobs`")."""
    label, target, _ = task.pending
    called, user = called_by_user(frame_of(task))
    if called is not None:
        owner = frame_locals(called)["self"]
        name = name_in_frame(user, owner, kind=False)
        return f"waits in {type(owner).__name__}.{called.f_code.co_name} of", name
    return f"waits to {label}", name_in_frame(user, target)


#: Modules whose methods are named in a report instead of the locks inside them.
_TOLD_BY = (
    "threading",
    "queue",
    "concurrent.futures.thread",
    "concurrent.futures._base",
    "logging",
)


_THREAD_RUN = "Thread.run"  # around everything; nobody calls it to wait


def called_by_user(frame: FrameType | None) -> tuple[FrameType | None, FrameType | None]:
    """The method of a queue, condition, ... that the user's code called, and the user's frame.

    The first is None when the user's code operates on the lock or thread itself.
    """
    called: FrameType | None = None
    while frame is not None and is_internal(frame.f_code.co_filename):
        code = frame.f_code
        told = frame.f_globals.get("__name__") in _TOLD_BY and code.co_qualname != _THREAD_RUN
        if told and "self" in code.co_varnames:
            called = frame
        frame = outwards(frame)
    if called is None or called.f_code.co_name in ("__enter__", "__exit__"):
        return None, frame
    if type(frame_locals(called)["self"]).__module__ not in _TOLD_BY:
        return None, frame  # a subclass of the user's, such as a Thread
    return called, frame
