"""What happened in one execution, step by step: kept only when it is to be explained."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.dependence import touches
from pytest_racecheck.engine.failure import user_frame
from pytest_racecheck.engine.looking import ABSENT, frame_locals, held_loosely, peek
from pytest_racecheck.engine.naming import name_in_frame, owned_name, value_text
from pytest_racecheck.engine.waits import called_by_user, describe_pending, frame_of, user_line

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

MAX_STEPS = 20_000


@dataclass(slots=True)
class Step:
    """One operation of one task; ``value`` is what was read or written, if that can be shown."""

    task: int
    label: str
    target: str
    filename: str
    line: int
    function: str
    choice: int
    value: str = ""
    first_line: int = 0
    op: int = 0  # which operation of its task, from 1; 0: no scheduling point
    touched: tuple[tuple[int, str, str], ...] = ()  # number of the object, part of it, kind
    holds: tuple[int, ...] = ()  # numbers of the locks held before it
    other: int = -1  # index of the task started or joined
    owned: str = ""  # the object by its class, such as "Account.lock"
    relevant: bool = True  # False: it cannot have had to do with the failure


class Trace:
    """Collects the steps of one execution."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.cut = 0  # steps not kept, because there were too many
        self._numbers: dict[int, tuple[int, Callable[[], object] | None]] = {}
        self._last_number = 0
        self._ops: dict[int, int] = {}
        # Per task: the call it is in, and where in it the first step was.
        self._calls: dict[int, tuple[tuple[int, CodeType, int], int]] = {}
        #: The last step, when that wrote something: who, and what to look at.
        self._written: tuple[Step, Callable[[], object], str, object] | None = None

    def note(self, task: Task, execution: Execution) -> None:
        """``task`` is about to perform its pending operation."""
        self.resolve()
        if task.pending[0] != "start":
            self._ops[task.index] = self._ops.get(task.index, 0) + 1
        if len(self.steps) >= MAX_STEPS:
            self.cut += 1
            return
        called, frame = called_by_user(sys._getframe(1))
        user_at = 0 if frame is None else frame.f_lasti
        if called is not None and self._goes_on(task, called, user_at):
            # A further step inside a method that is in the story already.
            last = self._last_of(task)
            last.touched = tuple(dict.fromkeys((*last.touched, *self._touched(task))))
            return
        step = self._step(task, frame)
        self._place(step, task, execution, frame)
        if called is not None and step.label != "start":
            owner = frame_locals(called)["self"]
            step.label = f"{type(owner).__name__}.{called.f_code.co_name}"
            step.target = name_in_frame(frame, owner, kind=False)
            step.owned = owned_name(frame, owner)
        step.choice = len(execution.decisions)
        self.steps.append(step)

    def _place(self, step: Step, task: Task, execution: Execution, frame: FrameType | None) -> None:
        """What the step has to do with the steps of other tasks."""
        label, target, _ = task.pending
        step.op = 0 if label == "start" else self._ops[task.index]
        step.touched = self._touched(task)
        step.holds = self._held(task, execution)
        if label in ("start", "join"):
            found = (t.index for t in execution.tasks if t.thread is target)
            step.other = next(found, -1)
        elif label in ("acquire", "try acquire", "release"):
            step.owned = owned_name(frame, target)

    def _held(self, task: Task, execution: Execution) -> tuple[int, ...]:
        owned = [lock for owner, lock in execution.owners.values() if owner is task]
        return tuple(sorted(self.number(lock) for lock in owned))

    def _touched(self, task: Task) -> tuple[tuple[int, str, str], ...]:
        if task.pending[0] == "start":
            return ()
        return tuple(
            (self.number(thing), "" if key is None else str(key), kind)
            for thing, key, kind in touches(task)
        )

    def number(self, thing: object) -> int:
        """Objects are numbered as they turn up; an address alone may come again."""
        known = self._numbers.get(id(thing))
        if known is None or (known[1] is not None and known[1]() is not thing):
            try:
                alive: Callable[[], object] | None = weakref.ref(thing)
            except TypeError:
                alive = None
            self._last_number += 1
            known = self._numbers[id(thing)] = (self._last_number, alive)
        return known[0]

    def _goes_on(self, task: Task, called: FrameType, user_at: int) -> bool:
        # The address alone would not do: the next call's frame may lie where the last one's lay.
        call = (id(called), called.f_code, user_at)
        before = self._calls.get(task.index)
        if before is not None and before[0] == call and before[1] != called.f_lasti:
            return True
        self._calls[task.index] = (call, called.f_lasti)
        return False

    def _step(self, task: Task, frame: FrameType | None) -> Step:
        label, target, site = task.pending
        code: CodeType | None = None if frame is None else frame.f_code
        line = getattr(site, "line", 0) or (0 if frame is None else frame.f_lineno)
        filename = "" if code is None else code.co_filename
        function = "" if code is None else code.co_qualname
        step = Step(task.index, label, "", filename, line or 0, function, 0)
        step.first_line = 0 if code is None else code.co_firstlineno
        step.target = name_in_frame(frame, target)
        if isinstance(site, Site):
            step.label = "read" if site.reads else "write"
            key = task.item_key if site.form == "item" else site.key
            step.target = site.shown_name(target, step.target)
            if site.form == "slice" or (site.form == "item" and type(key) is slice):
                step.target += "[:]"
            elif site.form == "item":
                step.target += f"[{value_text(key)}]"
            self._value(step, target, site.form, key)
        elif task.timed_out and label != "sleep":
            step.value = "timed out"
        return step

    def _value(self, step: Step, target: object, form: str, key: object) -> None:
        if step.label == "read":
            step.value = _shown(peek(target, form, key))
        else:
            self._written = (step, held_loosely(target), form, key)

    def blocked(self, task: Task, execution: Execution) -> None:
        """``task`` can go no further: what it would do next is the last thing to show."""
        self.resolve()
        (verb, thing), (filename, line) = describe_pending(task), user_line(task)
        step = Step(task.index, verb, thing, filename, line, "", -1)
        step.holds = self._held(task, execution)
        step.owned = owned_name(user_frame(frame_of(task)), task.pending[1])
        step.op = self._ops.get(task.index, 0) + 1
        step.touched = self._touched(task)
        if any(step.task == task.index for step in self.steps):
            last = self._last_of(task)
            if last.line == line and verb == f"waits in {last.label} of":
                self.steps.remove(last)  # the same call, which had begun and never came to its end
                step.op = last.op
        self.steps.append(step)

    def _last_of(self, task: Task) -> Step:
        return next(step for step in reversed(self.steps) if step.task == task.index)

    def resolve(self) -> None:
        """Look at what was written last: nobody has moved since, and the next one may change it."""
        if self._written is not None:
            step, held, form, key = self._written
            self._written = None
            step.value = _shown(peek(held(), form, key))


def _shown(value: object) -> str:
    return "" if value is ABSENT else value_text(value)
