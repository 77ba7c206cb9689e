"""Which steps of an execution depend on each other, and which can have led to its failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_racecheck.engine.dependence import dependent
from pytest_racecheck.engine.trace import Step

#: Of what waits in vain there is no later step: it is noted with this choice.
BLOCKED = -1


@dataclass(frozen=True, slots=True)
class Touched:
    """What two dependent steps both touch: the object's number, the part, and both kinds."""

    thing: int
    part: str
    kinds: tuple[str, str]


def shared(one: Step, other: Step) -> Touched | None:
    """What makes the order of the two matter, or None."""
    if one.task == other.task:
        return None
    for thing, part, kind in one.touched:
        for same, its_part, its_kind in other.touched:
            meet = thing == same and (part == its_part or not part or not its_part)
            if meet and dependent(kind, its_kind):
                return Touched(thing, part or its_part, (kind, its_kind))
    return None


def mark_causes(steps: Sequence[Step], failed: Sequence[int]) -> int:
    """Set ``relevant`` of every step; returns how many cannot have had to do with the failure.

    What can: the steps of the ``failed`` tasks, the steps before them in their own tasks, those
    that started their tasks, those of tasks that they joined, and those that they depend on
    (Lamport 1978).  Not every look at data is a step: what was joined may have been looked at.
    """
    needed: dict[int, bool] = {}
    later: dict[int, list[tuple[str, str, int]]] = {}
    ends = {task: _end_of(steps, task) for task in failed}
    for at in reversed(range(len(steps))):
        step = steps[at]
        if step.task in ends and at <= ends[step.task]:
            needed[step.task] = True
        starts = step.label == "start" and needed.get(step.other, False)
        step.relevant = needed.get(step.task, False) or starts or _seen(step, later)
        if step.relevant:
            needed[step.task] = True
            if step.label == "join":
                needed[step.other] = True
            for thing, part, kind in step.touched:
                known = later.setdefault(thing, [])
                if (part, kind, step.task) not in known:
                    known.append((part, kind, step.task))
    return sum(not step.relevant for step in steps)


def _end_of(steps: Sequence[Step], task: int) -> int:
    own = [at for at, step in enumerate(steps) if step.task == task and step.label != "end"]
    return own[-1] if own else -1


def _seen(step: Step, later: dict[int, list[tuple[str, str, int]]]) -> bool:
    """Whether a later step that matters depends on ``step``."""
    return any(
        task != step.task
        and (part == its_part or not part or not its_part)
        and dependent(kind, its_kind)
        for thing, part, kind in step.touched
        for its_part, its_kind, task in later.get(thing, ())
    )
