"""What happened in one execution, step by step: kept only when it is to be explained."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.failure import user_frame
from pytest_racecheck.engine.naming import name_in_frame, value_text

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

MAX_STEPS = 20_000
_ABSENT = object()


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


class Trace:
    """Collects the steps of one execution."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.cut = 0  # steps not kept, because there were too many
        self._written: dict[int, tuple[Step, object, object]] = {}

    def note(self, task: Task, execution: Execution) -> None:
        """``task`` is about to perform its pending operation."""
        self.resolve(task)
        if len(self.steps) >= MAX_STEPS:
            self.cut += 1
            return
        frame = user_frame(sys._getframe(1))
        step = self._step(task, execution, frame)
        step.choice = len(execution.decisions)
        self.steps.append(step)

    def _step(self, task: Task, execution: Execution, frame: FrameType | None) -> Step:
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
            key = execution.item_key if site.form == "item" else site.key
            step.target = site.shown_name(target, step.target)
            if site.form == "item":
                step.target += f"[{value_text(key)}]"
            self._value(task, step, target, key if site.form != "container" else None)
        return step

    def _value(self, task: Task, step: Step, target: object, key: object) -> None:
        if step.label == "read":
            found = peek(target, key)
            step.value = "" if found is _ABSENT else value_text(found)
        else:
            self._written[task.index] = (step, target, key)

    def blocked(self, task: Task, verb: str, thing: str, filename: str, line: int) -> None:
        """``task`` can go no further: what it would do next is the last thing to show."""
        self.resolve(task)
        self.steps.append(Step(task.index, verb, thing, filename, line, "", -1))

    def resolve(self, task: Task) -> None:
        """``task`` has come to its next operation: what it wrote can be seen now."""
        waiting = self._written.pop(task.index, None)
        if waiting is not None:
            step, target, key = waiting
            found = peek(target, key)
            step.value = "" if found is _ABSENT else value_text(found)


def peek(target: object, key: object) -> object:
    """Look at an attribute, item, global or cell without running any of the user's code."""
    if isinstance(target, dict) and type(target).__getitem__ is dict.__getitem__:
        try:
            return dict.get(target, key, _ABSENT)
        except Exception:  # noqa: BLE001 - an unhashable or hostile key: nothing to show
            return _ABSENT
    if type(target).__name__ == "cell":
        try:
            return target.cell_contents  # type: ignore[attr-defined]
        except ValueError:
            return _ABSENT
    if isinstance(target, list) and isinstance(key, int) and -len(target) <= key < len(target):
        return list.__getitem__(target, key)
    if isinstance(key, str):
        try:
            inner = object.__getattribute__(target, "__dict__")
        except AttributeError:
            inner = None
        if isinstance(inner, dict) and key in inner:
            return inner[key]
        slot = getattr(type(target), key, None)
        if type(slot).__name__ == "member_descriptor":
            return getattr(target, key, _ABSENT)
        return _ABSENT
    return target if key is None else _ABSENT
