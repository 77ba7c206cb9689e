"""What went wrong in an execution; two failures are the same when kind, type and place agree."""

from __future__ import annotations

import os
import sysconfig
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_racecheck.engine.task import Task

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SCENARIOS = os.path.join(_OURS, "scenarios") + os.sep
_PROGRAMS = tuple(os.path.join(_OURS, room) + os.sep for room in ("locust", "signalling"))
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep
_libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """One failure: ``where`` is "file.py:12"; text never decides whether two are the same."""

    kind: str
    type: str
    message: str
    where: str
    task: str
    error: BaseException | None = field(default=None, compare=False)
    waits: tuple[str, ...] = field(default=(), compare=False)
    cycle: tuple[int, ...] = field(default=(), compare=False)  # tasks, each waits for the next

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it the same failure in a replay."""
        return (self.kind, self.type, self.where)

    @staticmethod
    def of_error(error: BaseException, task: Task) -> TaskFailure:
        """Make the failure of a task that died of an exception."""
        kind = getattr(error, "racecheck_kind", None) or (
            "assertion" if isinstance(error, AssertionError) else "exception"
        )
        message = str(error).strip() or type(error).__name__
        where = deepest_user_line(error.__traceback__)
        waits = getattr(error, "racecheck_waits", ())  # an adapter knows who waited for whom
        return TaskFailure(kind, type(error).__name__, message, where, task.path, error, waits)


def stops_the_test(error: BaseException) -> bool:
    """Whether pytest takes ``error`` for a wish (skip, xfail, exit) and not for a failure.

    The same goes for a mistake in how the test asks for something of ours.
    """
    if getattr(error, "stops_the_search", False) is True:
        return True
    kinds = type(error).__mro__
    wish = any(kind.__module__ == "_pytest.outcomes" for kind in kinds)  # they fake their own
    return (wish and kinds[0].__name__ != "Failed") or any(
        (kind.__module__, kind.__name__) == ("unittest.case", "SkipTest") for kind in kinds
    )


def is_ours(filename: str) -> bool:
    """Whether a source file belongs to the tool (scenarios and their programs are users)."""
    return filename.startswith(_OURS) and not filename.startswith((_SCENARIOS, *_PROGRAMS))


def is_internal(filename: str) -> bool:
    """Whether a source file is ours or the standard library's, rather than the user's."""
    if filename.startswith(_OURS):
        return is_ours(filename)
    in_stdlib = filename.startswith(_STDLIB) and "site-packages" not in filename
    return in_stdlib or filename.startswith(("<frozen", *_libraries))


def leave_out(folder: str) -> None:
    """Take a library that an adapter controls for internal: a report names who calls it."""
    global _libraries
    _libraries = (*_libraries, os.path.join(folder, ""))


def place(filename: str, line: int) -> str:
    """The short form of a place in a report: file name and line."""
    return f"{os.path.basename(filename)}:{line}"


def deepest_user_line(traceback: TracebackType | None) -> str:
    """The innermost line of the user; of an installed library where there is none."""
    places: dict[int, str] = {}
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        rank = 0 if is_internal(filename) else 1 if "site-packages" in filename else 2
        places[rank] = place(filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    return places[max(places)] if places else "unknown"


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that belongs to the user, walking outwards from ``frame``.

    None where the body has not begun yet or has ended: whoever called us is not under test.
    """
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = outwards(frame)
    return frame


def outwards(frame: FrameType) -> FrameType | None:
    """The caller of ``frame``; None above the body, because who called us is not under test."""
    return None if frame.f_code.co_qualname == "Execution.run" else frame.f_back
