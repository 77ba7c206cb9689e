"""The owner check: two uses of one ZeroMQ socket that nothing orders are illegal sharing.

libzmq lets a socket change threads with a full memory fence between the uses, and corrupts memory
without one.  A fence is what happens-before knows: start and join, locks, queues, messages.  So the
check needs no crash and no unlucky schedule: any execution that contains both uses shows it.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import NamedTuple

from pytest_racecheck.engine import Task, execution, happens_before
from pytest_racecheck.engine.failure import is_internal, place

#: A call stack as (code, last instruction), innermost first: cheap to take, dear only to print.
Stack = tuple[tuple[CodeType, int], ...]
STACK_DEPTH = 8
_ENGINE_BEGINS = os.path.abspath(execution.__file__)
_hidden: dict[str, bool] = {}


class IllegalSharing(AssertionError):
    """Two tasks used one socket, and nothing orders the two uses.

    ``first_stack`` and ``second_stack`` are lines "file.py:12 in function", innermost first.
    """

    racecheck_kind = "illegal sharing"

    def __init__(
        self,
        message: str,
        *,
        socket: str,
        first_stack: tuple[str, ...],
        second_stack: tuple[str, ...],
    ) -> None:
        super().__init__(message)
        self.socket = socket
        self.first_stack = first_stack
        self.second_stack = second_stack


class Use(NamedTuple):
    """One use of a socket: who, when in happens-before, doing what, from where."""

    task: Task
    stamp: happens_before.Stamp
    kind: str
    stack: Stack


def call_stack(ours: int = 1) -> Stack:
    """The user's frames of the calling task, innermost first, beyond so many frames of ours."""
    frame: FrameType | None = sys._getframe(ours)
    stack: list[tuple[CodeType, int]] = []
    while frame is not None and len(stack) < STACK_DEPTH:
        filename = frame.f_code.co_filename
        if filename == _ENGINE_BEGINS:
            break
        hidden = _hidden.get(filename)
        if hidden is None:
            hidden = _hidden[filename] = is_internal(filename)
        if not hidden:
            stack.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(stack)


def stack_lines(stack: Stack) -> tuple[str, ...]:
    """A stack as lines "file.py:12 in function", innermost first."""
    return tuple(
        f"{place(code.co_filename, _line(code, lasti))} in {code.co_qualname}"
        for code, lasti in stack
    )


def site_of(stack: Stack) -> str:
    """The innermost place of a stack, "file.py:12"."""
    if not stack:
        return "unknown"
    code, lasti = stack[0]
    return place(code.co_filename, _line(code, lasti))


def use(task: Task, kind: str) -> Use:
    """What ``task`` is about to do with a socket."""
    stamp = happens_before.stamp()
    assert stamp is not None, "clocks are kept from the start of every execution that has sockets"
    return Use(task, stamp, kind, call_stack(4))


def ordered(last: Use | None, now: Use) -> bool:
    """Whether everything before ``last`` and ``last`` itself happens before ``now``."""
    return last is None or last.task is now.task or happens_before.ordered(last.stamp)


def illegal(first: Use, second: Use, socket: str, created_at: Stack) -> IllegalSharing:
    """The failure of two uses that nothing orders."""
    return IllegalSharing(
        f"{socket} was used by {_user(first)} and is now used by {_user(second)}: nothing orders "
        f"the two, and a socket of this type must not be shared (created at {site_of(created_at)})",
        socket=socket,
        first_stack=stack_lines(first.stack),
        second_stack=stack_lines(second.stack),
    )


def _user(use: Use) -> str:
    return f"{use.task.path} ({use.task.name}) for {use.kind} at {site_of(use.stack)}"


def _line(code: CodeType, lasti: int) -> int:
    for start, end, line in code.co_lines():
        if start <= lasti < end:
            return line or code.co_firstlineno
    return code.co_firstlineno
