"""The story of a failing execution: one column a task, one row an operation, switches marked."""

from __future__ import annotations

import linecache
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pytest_racecheck.diagnosis.causes import BLOCKED
from pytest_racecheck.diagnosis.verdict import Story

if TYPE_CHECKING:
    from pytest_racecheck.engine.trace import Step

MIN_COLUMN = 18
MAX_ROWS = 120
MIN_NAME = 4
INDENT = "  "
#: Operations that matter only if another task touches the same thing.
_QUIET_ALONE = ("read", "write", "look at", "start", "yield", "read clock", "end")

#: One row: (column, what fits it into so many cells, whether the schedule switched here).
_Row = tuple[int, Callable[[int], str], bool]
#: Operations of a loop are told once when they come at least so often; a round has at most so many.
MIN_ROUNDS, MAX_ROUND = 3, 8
ANY_WIDTH = 1_000


def timeline(story: Story, width: int) -> list[str]:
    """The lines of the story, none wider than ``width`` columns."""
    shown, unseen, apart = _worth_showing(story)
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
    tail = [
        *_left_out(unseen, "that no other task could see"),
        *_left_out(apart, "that cannot have led to the failure"),
    ]
    notes = [fit(line, width).rstrip() if cells(line) > width else line for line in (*head, *tail)]
    return [*notes[: len(head)], *lines, *notes[len(head) :]]


def _left_out(number: int, which: str) -> list[str]:
    if not number:
        return []
    what, verb = ("operation", "is") if number == 1 else ("operations", "are")
    return [f"{INDENT}({number} {what} {which} {verb} left out)"]


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
    for step, times, note in folded(shown):
        column = order.index(step.task)
        here = (step.filename, step.line, step.task)
        switched = step.task != last
        if here != place and step.filename:
            letter = letters.get(os.path.basename(step.filename), "")
            source = f"{letter}{step.line}: {_source(step)}"
            rows.append((column, partial(fit, source), switched))
            switched = False
        rows.append((column, partial(_doing, step, times), switched))
        if note:
            rows.append((column, partial(fit, INDENT + note), False))
        last, place = step.task, here
    return rows


def _columns(rows: list[_Row], titles: list[str], width: int) -> list[str]:
    widths = _fair_widths(rows, titles, width - len(INDENT))
    starts = [sum(widths[:column]) for column in range(len(widths))]
    lines = [INDENT + "".join(map(fit, titles, widths))]
    lines.append(INDENT + "".join(fit("-" * (room - 2), room) for room in widths))
    for column, fitted, switched in rows:
        mark = "> " if switched else INDENT
        lines.append(" " * starts[column] + mark + fitted(widths[column]))
    return [line.rstrip() for line in lines]


def _fair_widths(rows: list[_Row], titles: list[str], room: int) -> list[int]:
    """What each column needs; when that is too much, the widest ones are cut to one width."""
    needs = [cells(title) + 3 for title in titles]
    for column, fitted, _ in rows:
        needs[column] = max(needs[column], cells(fitted(ANY_WIDTH).rstrip()) + 3)
    limit = max(needs)
    while sum(min(need, limit) for need in needs) > room:
        limit -= 1
    return [min(need, limit) for need in needs]


def _one_column(rows: list[_Row], titles: list[str], width: int) -> list[str]:
    lines = []
    last: int | None = None
    for column, fitted, _ in rows:
        if column != last:
            lines.append(fit(f"> {titles[column]}", width))
            last = column
        lines.append(INDENT * 2 + fitted(width - 2 * len(INDENT)))
    return [line.rstrip() for line in lines]


def folded(steps: Sequence[Step]) -> list[tuple[Step, int, str]]:
    """Each step with how often it comes in a row, and what to say of the rounds after it.

    What is the same again is shown once.  Of the rounds of a loop by one task, which nothing
    interrupts, the first and the last are shown: the values of the others lie between.
    """
    told: list[tuple[Step, int, str]] = []
    at = 0
    while at < len(steps):
        length, rounds = _loop_at(steps, at)
        if rounds < MIN_ROUNDS:
            _tell(told, steps[at])
            at += 1
            continue
        for step in steps[at : at + length]:
            _tell(told, step)
        step, times, _ = told[-1]
        told[-1] = (step, times, f"({_rounds(length, rounds - 2)})")
        at += length * (rounds - 1)
        told += [(step, 1, "") for step in steps[at : at + length]]
        at += length
    return told


def _tell(told: list[tuple[Step, int, str]], step: Step) -> None:
    same = told and told[-1][2] == "" and _looks(told[-1][0]) == _looks(step)
    if same and step.choice != BLOCKED:
        told[-1] = (told[-1][0], told[-1][1] + 1, "")
    else:
        told.append((step, 1, ""))


def _rounds(length: int, more: int) -> str:
    what = "this" if length == 1 else f"these {length} operations"
    return f"{what} {more} time{'s' * (more > 1)} more"


def _loop_at(steps: Sequence[Step], at: int) -> tuple[int, int]:
    """How long a round of the loop that begins here is, and how many rounds there are."""
    for length in range(2, MAX_ROUND + 1):
        shape = [_shape(step) for step in steps[at : at + length]]
        if len({step[0] for step in shape}) != 1:
            break
        rounds, begin = 1, at + length
        while [_shape(step) for step in steps[begin : begin + length]] == shape:
            rounds, begin = rounds + 1, begin + length
        if rounds >= MIN_ROUNDS and len(set(shape)) > 1:
            return length, rounds
    return 1, 1


def _shape(step: Step) -> tuple[object, ...]:
    return (step.task, step.line, step.label, step.target)


def _looks(step: Step) -> tuple[object, ...]:
    return (*_shape(step), step.value)


def _title(story: Story, task: int) -> str:
    return "0 main (the test)" if task == 0 else f"{task} {story.names[task]}"


def _worth_showing(story: Story) -> tuple[list[Step], int, int]:
    """The steps to show; how many nobody else could see; how many led to nothing."""
    users: dict[str, set[int]] = {}
    for step in story.steps:
        users.setdefault(step.target, set()).add(step.task)
    seen = [step for step in story.steps if _matters(step, len(users[step.target]))]
    kept = [step for step in seen if step.relevant] or seen or list(story.steps)
    apart = len(seen) - len(kept) if seen else 0
    unseen = len(story.steps) - len(kept) - apart + story.cut
    if len(folded(kept)) > MAX_ROWS:
        unseen += len(kept) - MAX_ROWS
        kept = kept[: MAX_ROWS // 2] + kept[-MAX_ROWS // 2 :]
    return kept, unseen, apart


def _matters(step: Step, users: int) -> bool:
    if not step.filename:  # a thread that runs a library's function: only if it is stuck there
        return step.label.startswith("waits ")
    shared = users > 1 and not step.target.endswith("_iterator")
    return shared or step.label not in _QUIET_ALONE


def _source(step: Step) -> str:
    return linecache.getline(step.filename, step.line).strip() if step.filename else ""


def _doing(step: Step, times: int, room: int) -> str:
    """The operation in so many cells; where they are too few, its name is cut, not its value."""
    often = f"({times}x)" if times > 1 else ""
    whole = [printable(part) for part in (step.label, step.target, step.value, often)]
    text = INDENT + " ".join(filter(None, whole))
    over = cells(text) - (room - 1)
    if over > 0 and (step.value or often):
        kept = max(cells(whole[1]) - over, MIN_NAME)
        whole[1] = cut(whole[1], kept)
        text = INDENT + " ".join(filter(None, whole))
    return fit(text, room)


def printable(text: str) -> str:
    """Control characters of the user's data must not reach the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def cells(text: str) -> int:
    """How many terminal columns ``text`` takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide


def fit(text: str, room: int) -> str:
    """``text`` in exactly ``room`` columns, at least one space after it, cut with an ellipsis."""
    text = cut(text, room - 1)
    return text + " " * (room - cells(text))


def cut(text: str, room: int) -> str:
    """``text`` in at most ``room`` columns, with an ellipsis where something is cut off."""
    dots = ellipsis()
    text = text.replace("…", dots)
    if cells(text) > room:
        while cells(text) > max(room - len(dots), 0):
            text = text[:-1]
        text += dots
    return text


def ellipsis() -> str:
    """One character where the terminal is known to show it, else three dots."""
    named = next((os.environ[v] for v in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(v)), "")
    encoding = named.partition(".")[2].partition("@")[0].replace("-", "").lower()
    stream = (getattr(sys.__stdout__, "encoding", None) or "utf-8").replace("-", "").lower()
    plain = named in ("C", "POSIX") or encoding not in ("", "utf8") or stream != "utf8"
    return "..." if plain else "…"
