"""A finding as text: one column per task, switches marked, who waits for whom, how to replay it."""

from __future__ import annotations

import linecache
import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_racecheck.diagnosis.verdict import Finding, Story, Verdict

if TYPE_CHECKING:
    from pytest_racecheck.engine.trace import Step

MIN_COLUMN = 18
MAX_ROWS = 120
#: Operations that matter only if another task touches the same thing.
_QUIET_ALONE = ("read", "write", "look at", "start", "yield", "read clock", "end")
_TITLES = {
    Verdict.REPRODUCED: "REPRODUCED",
    Verdict.RULED_OUT: "RULED OUT",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
}


def report(finding: Finding, width: int = 80, replay_command: str | None = None) -> str:
    """The whole report; no line is longer than ``width``, except the replay command."""
    lines = _headline(finding, width)
    if finding.failure is not None:
        lines += _failure_lines(finding, width)
    if finding.story is not None and finding.story.steps:
        lines += ["", *timeline(finding.story, width)]
    for warning in finding.warnings:
        lines += ["", *_wrap(f"warning: {warning}", width, "  ")]
    if finding.schedule is not None:
        command = replay_command or f"replay(body, {finding.schedule!r})"
        lines += ["", f"replay: {command}"]
    return "\n".join(line.rstrip() for line in lines)


def _headline(finding: Finding, width: int) -> list[str]:
    title = _TITLES[finding.verdict]
    if finding.verdict is Verdict.REPRODUCED:
        plural = "" if finding.first_failure == 1 else "s"
        agree = f"{finding.replays[0]} of {finding.replays[1]} replays agree"
        switches = _count(finding.preemptions or 0, "preemption")
        text = f"after {finding.first_failure} execution{plural}, {agree}, {switches}"
    else:
        text = f"{finding.reason} [{finding.executions} executions]"
    return _wrap(f"{title}  {text}", width, "  ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _failure_lines(finding: Finding, width: int) -> list[str]:
    failure = finding.failure
    assert failure is not None
    who = "" if failure.task == "main" else f" in {_named(finding, failure.task)}"
    named = failure.kind if failure.type in ("Deadlock", "Livelock", "Hang") else failure.type
    lines = _wrap(f"{named}{who} at {failure.where}", width, "  ")
    for line in failure.message.splitlines()[:6]:
        lines += _wrap(line, width - 2, "")
    lines = [lines[0], *("  " + line.lstrip() if at else line for at, line in enumerate(lines[1:]))]
    for wait in failure.waits:
        lines += _wrap(f"- {wait}", width - 2, "    ", "  ")
    return lines


def _named(finding: Finding, path: str) -> str:
    names = {} if finding.story is None else dict(zip(finding.story.paths, finding.story.names, strict=True))
    return f"{path} ({names[path]})" if path in names else path


def timeline(story: Story, width: int) -> list[str]:
    """One column a task, one row an operation, a rule where the schedule switches."""
    shown, left_out = _worth_showing(story)
    order = sorted({step.task for step in shown})
    if not order:
        return []
    if width // len(order) < MIN_COLUMN:
        return _one_column(story, shown, width, left_out)
    column = (width - 2) // len(order)
    files = len({step.filename for step in shown if step.filename})
    rows = [] if files != 1 else [f"  {os.path.basename(_only_file(shown))}"]
    rows += ["  " + "".join(_cell(_title(story, task), column) for task in order)]
    rows.append("  " + "".join(_cell("-" * (column - 2), column) for _ in order))
    last: int | None = None
    place = ("", 0, -1)
    for step, times in _folded(shown):
        at = order.index(step.task)
        here = (step.filename, step.line, step.task)
        if here != place:
            where = _where(step) if files > 1 else str(step.line)
            rows.append(_row(at, column, f"{where}: {_source(step)}", step.task != last))
        rows.append(_row(at, column, f"  {_doing(step)}", False))
        if times > 1:
            rows.append(_row(at, column, f"    ... {times} times", False))
        last, place = step.task, here
    if left_out:
        rows.append(f"  ({left_out} operations that no other task could see are left out)")
    return [row[:width] for row in rows]


def _only_file(steps: Sequence[Step]) -> str:
    return next((step.filename for step in steps if step.filename), "")


def _folded(steps: Sequence[Step]) -> list[tuple[Step, int]]:
    """Steps that repeat without anything new are shown once, with how often."""
    folded: list[tuple[Step, int]] = []
    for step in steps:
        if folded and _looks(folded[-1][0]) == _looks(step):
            folded[-1] = (folded[-1][0], folded[-1][1] + 1)
        else:
            folded.append((step, 1))
    return folded


def _looks(step: Step) -> tuple[object, ...]:
    return (step.task, step.line, step.label, step.target, step.value)


def _row(at: int, column: int, text: str, switched: bool) -> str:
    mark = "> " if switched else "  "
    return (" " * (column * at)) + mark + _cell(text, column).rstrip()


def _cell(text: str, column: int) -> str:
    room = column - 1
    return (text if len(text) <= room else text[: room - 1] + "…").ljust(column)


def _one_column(story: Story, shown: Sequence[Step], width: int, left_out: int) -> list[str]:
    rows = []
    last: int | None = None
    for step in shown:
        if step.task != last:
            rows.append(f"> {_title(story, step.task)}")
            last = step.task
        rows.append(f"    {_where(step)} {_source(step)}"[: width - 1])
        rows.append(f"      {_doing(step)}"[: width - 1])
    if left_out:
        rows.append(f"  ({left_out} operations that no other task could see are left out)")
    return rows


def _title(story: Story, task: int) -> str:
    name = story.names[task]
    return f"{task} {name}" if name != "main" else "0 main (the test)"


def _worth_showing(story: Story) -> tuple[list[Step], int]:
    """Leave out what concerns one task only: nobody else could see it or be seen by it."""
    users: dict[str, set[int]] = {}
    for step in story.steps:
        users.setdefault(step.target, set()).add(step.task)
    kept = [
        step
        for step in story.steps
        if step.filename  # what an executor's own thread does inside is not the user's code
        and (
            (len(users[step.target]) > 1 and not step.target.endswith("_iterator"))
            or step.label not in _QUIET_ALONE
        )
    ]
    if not kept:
        kept = list(story.steps)
    hidden = len(story.steps) - len(kept) + story.cut
    if len(kept) > MAX_ROWS and len(_folded(kept)) > MAX_ROWS:
        hidden += len(kept) - MAX_ROWS
        kept = kept[: MAX_ROWS // 2] + kept[-MAX_ROWS // 2 :]
    return kept, hidden


def _where(step: Step) -> str:
    return f"{os.path.basename(step.filename)}:{step.line}" if step.filename else ""


def _source(step: Step) -> str:
    return linecache.getline(step.filename, step.line).strip() if step.filename else ""


def _doing(step: Step) -> str:
    if step.label == "write":
        return f"writes {step.target}" + (f" = {step.value}" if step.value else "")
    if step.label == "read":
        return f"reads {step.target}" + (f": {step.value}" if step.value else "")
    return f"{step.label} {step.target}".strip()


def _wrap(text: str, width: int, later: str, first: str = "") -> list[str]:
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        lines += textwrap.wrap(
            line,
            max(width, 20),
            initial_indent=first if not lines else later,
            subsequent_indent=later,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines
