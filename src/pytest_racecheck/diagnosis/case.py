"""One failing execution, as the patterns look at it, and what they ask of its steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from linecache import getline

from pytest_racecheck.diagnosis.critical_pair import Critical
from pytest_racecheck.engine.failure import TaskFailure, place
from pytest_racecheck.engine.trace import Step

_QUESTION = re.compile(r"^\s*(if|elif|while|assert)\b|\bif\b.*\belse\b|\b(and|or)\b")

#: The name of a pattern, and a sentence about this case of it.
Named = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One failing execution, as the patterns look at it; ``failed`` is the task that failed."""

    failure: TaskFailure
    steps: Sequence[Step]
    critical: Sequence[Critical]
    failed: int
    name: Callable[[int], str]

    def of(self, task: int) -> str:
        """Whose line it is: "anna's"."""
        return f"{self.name(task)}'s"


def steps_between(case: Case, first: Step, then: Step, label: str) -> list[Step]:
    """Steps of other tasks with this label after the one and before the other."""
    steps = list(case.steps)
    begin, end = _index(steps, first), _index(steps, then)
    return [s for s in steps[begin:end] if s.task != first.task and s.label == label]


def _index(steps: list[Step], step: Step) -> int:
    return next(at for at, other in enumerate(steps) if other is step)


def apart(one: Step, other: Step) -> bool:
    """Whether they touch two variables."""
    return not same_variable(one, other)


def same_variable(*steps: Step) -> bool:
    """Whether all of them touch one."""
    return len({step.touched[:1] and step.touched[0][:2] for step in steps}) == 1


def is_question(step: Step) -> bool:
    """Whether something depends on what is read."""
    source = getline(step.filename, step.line)
    return step.label == "read" and _QUESTION.search(source) is not None


def valued(step: Step) -> str:
    """What was read, and what was found there."""
    what = step.target.replace("`", "")
    return f"{what} as {step.value}" if step.value else what


def spot(step: Step) -> str:
    """As "file.py:12"."""
    return place(step.filename, step.line)
