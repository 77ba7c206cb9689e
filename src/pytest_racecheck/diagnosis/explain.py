"""From a minimised failing execution to why it fails: in sentences, each of which was run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_racecheck.diagnosis.case import Case
from pytest_racecheck.diagnosis.causes import mark_causes
from pytest_racecheck.diagnosis.critical_pair import Critical, critical
from pytest_racecheck.diagnosis.minimise import Minimised
from pytest_racecheck.diagnosis.patterns import name_the_pattern
from pytest_racecheck.diagnosis.verdict import Explanation, Order
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.failure import place
from pytest_racecheck.engine.trace import Step

_GIVEN_BY_PYTHON = re.compile(r"Thread-(\d+) \((.+)\)")


def explain(
    runner: Runner, simple: Minimised, told: Execution, steps: Sequence[Step], shrunk: bool
) -> Explanation:
    """Why ``told``, the execution along ``simple`` with these ``steps``, ended in its failure."""
    failure = told.failures[0]
    failed = [t.index for t in told.tasks if t.path == failure.task]
    roots = [*failed, *failure.cycle, *(step.task for step in steps if step.choice < 0)]
    if failure.kind != "livelock":
        mark_causes(steps, roots or [0])
    found = critical(runner, simple, steps, roots)
    names = short_names([task.name for task in told.tasks])
    case = Case(failure, steps, found, failed[0] if failed else 0, names.__getitem__)
    pattern, sentence = name_the_pattern(case) or (None, "")
    numbers = (simple.found_with, simple.cost.interruptions, simple.replays)
    return Explanation(
        pattern,
        sentence,
        tuple(_order(one, names, told) for one in found),
        numbers if shrunk else None,
        simple.exact,
    )


def short_names(names: Sequence[str]) -> list[str]:
    """What a sentence calls each task: its name, or the function of an unnamed thread."""
    full = ["the test", *names[1:]]
    unnamed = [_GIVEN_BY_PYTHON.fullmatch(name) for name in full]
    short = [one if given is None else given[2] for one, given in zip(full, unnamed, strict=True)]
    chosen = [
        one if short.count(one) == 1 else other for one, other in zip(short, full, strict=True)
    ]
    return [one if chosen.count(one) == 1 else f"task {n}" for n, one in enumerate(chosen)]


def _order(one: Critical, names: list[str], told: Execution) -> Order:
    first, between, then = one.first, one.between, one.then
    steps = [step for step in (first, between, then) if step is not None]
    lines = {(step.filename, step.line) for step in steps}
    full = len(lines) < len(steps)  # then a line alone does not tell which operation is meant
    where = [_where(step, full) for step in steps]
    mine, his = f"{names[between.task]}'s {where[-2]}", f"{names[then.task]}'s "
    if first is None:
        said = f"fails when {mine} runs before {his}{where[-1]}; passes when it runs after"
    else:
        same = first.filename == then.filename
        after = where[2].partition(":")[2] if same else where[2]
        colon = ":" if same else ""
        said = (
            f"fails when {mine} runs between {his}{where[0]} and {colon}{after}; "
            "passes when it does not"
        )
    paths = tuple(told.tasks[step.task].path for step in steps)
    return Order(said, tuple(place(s.filename, s.line) for s in steps), paths, one.verified)


def _where(step: Step, full: bool) -> str:
    at = place(step.filename, step.line)
    doing = f"{step.label} {step.target}".strip()
    return f"{at} ({doing})" if full else at
