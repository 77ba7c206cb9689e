"""The story of a failing execution: one column a task, one row an operation, switches marked."""

from __future__ import annotations

import linecache
import os
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_racecheck.diagnosis.verdict import Story

if TYPE_CHECKING:
    from pytest_racecheck.engine.trace import Step

MIN_COLUMN = 18
MAX_ROWS = 120
INDENT = "  "
#: Operations that matter only if another task touches the same thing.
_QUIET_ALONE = ("read", "write", "look at", "start", "yield", "read clock", "end")

#: One row: (column, text, whether the schedule switched to this task here).
_Row = tuple[int, str, bool]


def timeline(story: Story, width: int) -> list[str]:
    """The lines of the story, none wider than ``width`` columns."""
    shown, left_out = _worth_showing(story)
    order = sorted({step.task for step in shown})
    if not order:
        return []
    letters = _letters(shown)
    titles = [_title(story, task) for task in order]
    rows = _rows(shown, order, letters)
    if width // len(order) < MIN_COLUMN:
        lines = _one_column(rows, titles, width)
    else:
        lines = _columns(rows, titles, width)
    head = [INDENT + f"{letter} {file}".strip() for file, letter in letters.items()]
    tail = []
    if left_out:
        what = "operation" if left_out == 1 else "operations"
        verb = "is" if left_out == 1 else "are"
        tail = [f"{INDENT}({left_out} {what} that no other task could see {verb} left out)"]
    notes = [fit(line, width).rstrip() if cells(line) > width else line for line in (*head, *tail)]
    return [*notes[: len(head)], *lines, *notes[len(head) :]]


def _letters(shown: Sequence[Step]) -> dict[str, str]:
    """A letter for each source file, by its name; none when there is only one."""
    files = sorted({os.path.basename(step.filename) for step in shown if step.filename})
    if len(files) == 1:
        return {files[0]: ""}
    return {file: chr(ord("a") + at) if at < 26 else f"f{at}:" for at, file in enumerate(files)}


def _rows(shown: Sequence[Step], order: list[int], letters: dict[str, str]) -> list[_Row]:
    rows: list[_Row] = []
    last: int | None = None
    place: tuple[object, ...] = ()
    for step, times in _folded(shown):
        column = order.index(step.task)
        here = (step.filename, step.line, step.task)
        switched = step.task != last
        if here != place and step.filename:
            letter = letters.get(os.path.basename(step.filename), "")
            rows.append((column, f"{letter}{step.line}: {_source(step)}", switched))
            switched = False
        doing = INDENT + _doing(step) + (f" ({times}x)" if times > 1 else "")
        rows.append((column, doing, switched))
        last, place = step.task, here
    return rows


def _columns(rows: list[_Row], titles: list[str], width: int) -> list[str]:
    widths = _fair_widths(rows, titles, width - len(INDENT))
    starts = [sum(widths[:column]) for column in range(len(widths))]
    lines = [INDENT + "".join(map(fit, titles, widths))]
    lines.append(INDENT + "".join(fit("-" * (room - 2), room) for room in widths))
    for column, text, switched in rows:
        mark = "> " if switched else INDENT
        lines.append(" " * starts[column] + mark + fit(text, widths[column]))
    return [line.rstrip() for line in lines]


def _fair_widths(rows: list[_Row], titles: list[str], room: int) -> list[int]:
    """What each column needs; when that is too much, the widest ones are cut to one width."""
    needs = [cells(title) + 3 for title in titles]
    for column, text, _ in rows:
        needs[column] = max(needs[column], cells(text) + 3)
    limit = max(needs)
    while sum(min(need, limit) for need in needs) > room:
        limit -= 1
    return [min(need, limit) for need in needs]


def _one_column(rows: list[_Row], titles: list[str], width: int) -> list[str]:
    lines = []
    last: int | None = None
    for column, text, _ in rows:
        if column != last:
            lines.append(fit(f"> {titles[column]}", width))
            last = column
        lines.append(fit(f"{INDENT}{INDENT}{text}", width))
    return [line.rstrip() for line in lines]


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


def _title(story: Story, task: int) -> str:
    return "0 main (the test)" if task == 0 else f"{task} {story.names[task]}"


def _worth_showing(story: Story) -> tuple[list[Step], int]:
    """Leave out what concerns one task only: nobody else could see it or be seen by it."""
    users: dict[str, set[int]] = {}
    for step in story.steps:
        users.setdefault(step.target, set()).add(step.task)
    kept = [step for step in story.steps if _matters(step, len(users[step.target]))]
    kept = kept or list(story.steps)
    hidden = len(story.steps) - len(kept) + story.cut
    if len(_folded(kept)) > MAX_ROWS:
        hidden += len(kept) - MAX_ROWS
        kept = kept[: MAX_ROWS // 2] + kept[-MAX_ROWS // 2 :]
    return kept, hidden


def _matters(step: Step, users: int) -> bool:
    if not step.filename:  # a thread that runs a library's function: only if it is stuck there
        return step.label.startswith("waits ")
    shared = users > 1 and not step.target.endswith("_iterator")
    return shared or step.label not in _QUIET_ALONE


def _source(step: Step) -> str:
    return linecache.getline(step.filename, step.line).strip() if step.filename else ""


def _doing(step: Step) -> str:
    return printable(" ".join(part for part in (step.label, step.target, step.value) if part))


def printable(text: str) -> str:
    """Control characters of the user's data must not reach the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def cells(text: str) -> int:
    """How many terminal columns ``text`` takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide


def fit(text: str, room: int) -> str:
    """``text`` in exactly ``room`` columns, at least one space after it, cut with an ellipsis."""
    if cells(text) > room - 1:
        while cells(text) > room - 2:
            text = text[:-1]
        text += "…"
    return text + " " * (room - cells(text))
