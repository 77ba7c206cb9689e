"""What a schedule passed through: each choice with its task, its operation and where that stands.

A replay text knows tasks only by their order of birth.  A recording also knows the operations, so
that a replay can go on after the code has changed, and say what has.  It is plain data.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from linecache import getline
from typing import Any

from pytest_racecheck.engine.failure import user_frame
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import UsageError

#: How much of one text, and how many of each thing, is read from a file.
MAX_TEXT, MAX_ENTRIES, MAX_MOVES = 400, 20_000, 200_000
#: Accesses whose label names no attribute: reading a list is not reading a dictionary.
_OF_MANY_KINDS = ("item", "slice", "container", "step")
_MOVE = re.compile(r"(\d{1,6}):(\d{1,6})(?:x(\d{1,6}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Landmark:
    """An operation and where it stands: ``line`` is the source text, blanks folded."""

    label: str = ""
    function: str = ""
    line: str = ""
    file: str = ""

    def resembles(self, other: Landmark) -> bool:
        """Whether it is the same operation of the same function; nothing known fits everything."""
        if not self.label:
            return True
        return self.label == other.label and self.function == other.function


@dataclass(frozen=True, slots=True)
class Move:
    """One choice: the task by path of birth ("main/1"), or by index where only that is known."""

    task: str
    at: Landmark = Landmark()


@dataclass(frozen=True, slots=True)
class Recording:
    """A failing schedule that can be followed after the code has changed."""

    schedule: str
    moves: tuple[Move, ...]

    @staticmethod
    def of_text(text: str) -> Recording:
        """What a replay text alone tells: tasks, no operations."""
        choices = Schedule.parse(text).choices
        return Recording(text, tuple(Move(str(index)) for index in choices))

    def as_json(self) -> dict[str, Any]:
        """Plain data: tables of tasks and operations, and the moves as "task:operation"."""
        tasks = list(dict.fromkeys(move.task for move in self.moves))
        marks = list(dict.fromkeys(move.at for move in self.moves))
        task_at = {task: n for n, task in enumerate(tasks)}
        mark_at = {mark: n for n, mark in enumerate(marks)}
        runs: list[list[int]] = []
        for move in self.moves:
            one = [task_at[move.task], mark_at[move.at]]
            if runs and runs[-1][:2] == one:
                runs[-1][2] += 1
            else:
                runs.append([*one, 1])
        return {
            "schedule": self.schedule,
            "tasks": tasks,
            "operations": [[m.label, m.function, m.line, m.file] for m in marks],
            "moves": " ".join(f"{t}:{m}" + (f"x{n}" if n > 1 else "") for t, m, n in runs),
        }

    @staticmethod
    def of_json(data: object) -> Recording:
        """Read what ``as_json`` made; raises UsageError for anything else."""
        if not isinstance(data, Mapping):
            raise UsageError("a recording is an object")
        schedule, moves = data.get("schedule"), data.get("moves")
        if not isinstance(schedule, str) or not isinstance(moves, str):
            raise UsageError("a recording has a schedule and moves, both texts")
        Schedule.parse(schedule)
        tasks = [texts[0] for texts in _rows([[t] for t in _listed(data, "tasks")], 1)]
        marks = [Landmark(*texts) for texts in _rows(_listed(data, "operations"), 4)]
        return Recording(schedule, tuple(_moves(moves, tasks, marks)))


def _listed(data: Mapping[str, object], key: str) -> list[Any]:
    found = data.get(key)
    if not isinstance(found, list) or len(found) > MAX_ENTRIES:
        raise UsageError(f"a recording has a list of {key}, of at most {MAX_ENTRIES}")
    return found


def _rows(rows: Sequence[Any], width: int) -> list[list[str]]:
    for row in rows:
        good = isinstance(row, list) and len(row) == width
        if not good or any(not isinstance(t, str) or len(t) > MAX_TEXT for t in row):
            raise UsageError(f"a recording has rows of {width} short texts, not {row!r:.60}")
    return list(rows)


def _moves(text: str, tasks: Sequence[str], marks: Sequence[Landmark]) -> list[Move]:
    moves: list[Move] = []
    for word in text.split():
        match = _MOVE.fullmatch(word)
        if match is None or int(match[1]) >= len(tasks) or int(match[2]) >= len(marks):
            raise UsageError(f"a recording has moves like 0:3 or 0:3x2, not {word[:40]!r}")
        times = int(match[3] or 1)
        if not 0 < times <= MAX_MOVES - len(moves):
            raise UsageError(f"a recording has at most {MAX_MOVES} moves")
        moves.extend([Move(tasks[int(match[1])], marks[int(match[2])])] * times)
    return moves


class Witness:
    """Knows of each task which operation it is about to do; called in the task's own thread."""

    def __init__(self, root: str = "") -> None:
        self._root = os.path.join(os.path.abspath(root), "") if root else ""
        self._at: dict[int, Landmark] = {}

    def arrived(self, task: Task) -> None:
        """``task`` stands before its pending operation."""
        frame = user_frame(sys._getframe(2))
        label, target, site = task.pending
        if getattr(site, "form", "") in _OF_MANY_KINDS:
            label = f"{label} {type(target).__name__}"
        if frame is None:
            self._at[task.index] = Landmark(label)
            return
        code = frame.f_code
        line = getattr(site, "line", 0) or frame.f_lineno
        text = " ".join(getline(code.co_filename, line).split())
        self._at[task.index] = Landmark(
            label, code.co_qualname, text[:MAX_TEXT], self._file(code.co_filename)
        )

    def before(self, task: Task) -> Landmark:
        """The operation that ``task`` is about to do; one that has not begun has no place yet."""
        known = self._at.get(task.index)
        return known if known is not None else Landmark(task.pending[0])

    def _file(self, filename: str) -> str:
        path = os.path.abspath(filename)
        inside = self._root and path.startswith(self._root)
        return path[len(self._root) :] if inside else path


class Recorder:
    """Decides as another decider does, and writes down what each choice was about."""

    def __init__(self, decider: Decider, root: str) -> None:
        self._decider = decider
        self._witness = Witness(root)
        self.moves: list[Move] = []
        self.left_over = getattr(decider, "left_over", lambda: None)

    def performed(self, task: Task) -> None:
        """``task`` has come to its next operation."""
        self._witness.arrived(task)

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Choose as the other one does."""
        chosen = self._decider.pick(enabled, current, late)
        self.moves.append(Move(chosen.path, self._witness.before(chosen)))
        return chosen
