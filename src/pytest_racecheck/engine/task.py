"""A controlled task: one thread of the body, which moves only while it holds the baton."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_racecheck.engine.carrier import Carrier
    from pytest_racecheck.engine.greenlets import GreenCarrier

#: What a task will do next when it is chosen: a label, the object it touches, and where (if known).
Operation = tuple[str, object, "object | None"]


class Unwind(BaseException):
    """Raised at the gate of a task that has to end early; no user code should swallow it."""


class Task:
    """One controlled thread, named by birth: ``main/2/0`` is the first child of main's third child.

    ``index`` is the order of birth in this execution (0 is the body itself), which a schedule uses.
    ``ready`` is None while the pending operation can always go ahead.
    """

    __slots__ = (
        "born_at",
        "carrier",
        "children",
        "clock",
        "cut_short",
        "daemon",
        "deadline_s",
        "done",
        "doomed",
        "ended",
        "idle_worker",
        "index",
        "item_key",
        "limited",
        "name",
        "outside",
        "path",
        "pending",
        "ready",
        "thread",
        "timed_out",
    )

    def __init__(self, index: int, path: str, name: str, carrier: Carrier | GreenCarrier) -> None:
        self.index = index
        self.path = path
        self.name = name
        self.carrier = carrier
        self.children = 0
        self.pending: Operation = ("begin", None, None)
        self.ready: Callable[[], bool] | None = None
        self.deadline_s: float | None = None
        self.timed_out = False
        self.limited = False  # the last wait had a time-out
        self.done = False
        #: Called when the task ends without running to its end (it never began, or is abandoned).
        self.cut_short: Callable[[], None] | None = None
        self.ended = False  # the body's own function has returned; other tasks may still move
        self.doomed = False  # must end: every operation raises Unwind
        self.outside = False  # did not come back within its patience
        self.daemon = False
        self.born_at = ""  # "file.py:12", of a daemon thread, which may outlive its test
        self.idle_worker = False  # an executor's worker that waits for its next work item
        self.item_key: object = None  # the key of the item that is about to be touched
        self.thread: Any = None
        self.clock: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<task {self.path} {self.name!r} about to {self.pending[0]}>"
