"""How likely the failure is from each point of a failing schedule on, and where that jumps.

The schedule is followed up to a choice; from there on chance decides, many times.  Where the share
of failures jumps, the choice just made is the one that let the failure in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from pytest_racecheck.diagnosis.verdict import Curve, Explanation, Finding, Story
from pytest_racecheck.engine.clock import real_perf_s
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.failure import place
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence

MAX_SECONDS = 2.0
#: Points of the curve at first; and runs from each at most.
MAX_POINTS, MAX_RUNS = 24, 100


@dataclass(slots=True)
class _Point:
    failed: int = 0
    runs: int = 0

    @property
    def share(self) -> float:
        return self.failed / self.runs if self.runs else 0.0


class Futures:
    """The first ``length`` choices as recorded, the others by chance."""

    def __init__(self, choices: Sequence[int], length: int, seed: int) -> None:
        self._choices = choices[:length]
        self._random = Random(seed)
        self._made = 0

    def pick(self, enabled: Sequence[Task], _: Task | None, late: Sequence[Task]) -> Task:
        """The recorded task, then any."""
        options = [*enabled, *late]
        self._made += 1
        if self._made > len(self._choices):
            return self._random.choice(options)
        for task in options:
            if task.index == self._choices[self._made - 1]:
                return task
        raise Divergence(f"choice {self._made} of the schedule cannot be made")


def with_curve(
    runner: Runner, finding: Finding, seed: int, seconds: float = MAX_SECONDS
) -> Finding:
    """The finding with its curve; as it is when it has no schedule that fails."""
    if finding.schedule is None or finding.failure is None or finding.story is None:
        return finding
    choices = Schedule.parse(finding.schedule).choices
    failure = (finding.failure.kind, finding.failure.type, finding.failure.where)
    points = _sampled(runner, choices, failure, seed, seconds)
    jump = _jump(points)
    at = "" if jump is None else _named(finding.story, jump)
    told = tuple((length, point.failed, point.runs) for length, point in sorted(points.items()))
    why = finding.explanation or Explanation()
    return replace(finding, explanation=replace(why, curve=Curve(told, jump, at)))


def _sampled(
    runner: Runner, choices: Sequence[int], failure: tuple[str, str, str], seed: int, seconds: float
) -> dict[int, _Point]:
    """Rounds over all points in half of the time, then finer and finer around the jump."""
    begun, count = real_perf_s(), len(choices)
    spread = min(MAX_POINTS, count + 1)
    points = {round(n * count / max(spread - 1, 1)): _Point() for n in range(spread)}

    def sample(length: int) -> bool:
        point = points[length]
        if point.runs >= MAX_RUNS or real_perf_s() - begun > seconds:
            return False
        execution = runner.execute(Futures(choices, length, seed + point.runs))
        if execution.lost or execution.divergence is not None:
            return False
        point.runs += 1
        point.failed += bool(execution.failures) and execution.failures[0].identity == failure
        return True

    while real_perf_s() - begun < seconds * 0.6 and sum(map(sample, list(points))):
        pass
    while (gap := _gap(points)) is not None and real_perf_s() - begun < seconds:
        between = sum(gap) // 2
        points[between] = _Point()
        while sample(between):
            pass
    return {length: point for length, point in points.items() if point.runs}


def _rises(points: dict[int, _Point]) -> list[tuple[float, int, int]]:
    lengths = sorted(length for length, point in points.items() if point.runs)
    return [(points[b].share - points[a].share, a, b) for a, b in pairwise(lengths)]


def _gap(points: dict[int, _Point]) -> tuple[int, int] | None:
    """The steepest rise, if there are choices in it that were not looked at."""
    rises = _rises(points)
    rise, begin, end = max(rises, default=(0.0, 0, 0))
    return (begin, end) if rise > 0 and end - begin > 1 else None


def _jump(points: dict[int, _Point]) -> int | None:
    """The choice, from 1, that raises the share most; None when none does."""
    rise, _, end = max(_rises(points), default=(0.0, 0, 0))
    return end if rise > 0 else None


def _named(story: Story, choice: int) -> str:
    """The operation that the choice let happen: who, what, where."""
    steps = [step for step in story.steps if step.choice >= choice and step.filename]
    if not steps:
        return ""
    step = steps[0]
    where = place(step.filename, step.line)
    return f"{story.names[step.task]} at {where}: {step.label} {step.target}".strip()


def chart(curve: Curve, width: int) -> list[str]:
    """The curve as text: one bar a point, the jump marked."""
    room = max(width - 26, 10)
    lines = ["chance of this failure after so many choices of the schedule, the rest at random:"]
    for length, failed, runs in curve.points:
        share = failed / runs
        mark = ">" if length == curve.jump else " "
        lines.append(f"{mark}{length:6} {share:6.0%} |{'#' * round(share * room)}".rstrip())
    if curve.jump is not None:
        lines.append(f"it jumps with choice {curve.jump}: {curve.jump_at}")
    return lines
