"""Follow a recording although the code has changed: by task and operation, as far as it goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from linecache import getlines

from pytest_racecheck.engine.recording import MAX_TEXT, Landmark, Move, Witness
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task

#: How many operations of one task may have vanished in one place.
LOOK_AHEAD = 12


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a recording was followed: choices that matched, new ones, and the first departure."""

    matched: int
    total: int
    new: int = 0
    left: str | None = None
    missed: tuple[str, ...] = ()  # operations that were recorded, and never met


class Tolerant:
    """The one execution that follows the recording as well as the program lets it."""

    name = "tolerant"
    grade: str | None = None
    preemptions: int | None = None

    def __init__(self, moves: Sequence[Move]) -> None:
        self._moves = tuple(moves)
        self._decider: FollowLoosely | None = None

    @property
    def followed(self) -> Followed | None:
        """How far it got, once it has run."""
        return None if self._decider is None else self._decider.followed()

    def deciders(self) -> Iterator[Decider]:
        """Yield the one decider."""
        self._decider = FollowLoosely(self._moves)
        yield self._decider


class FollowLoosely:
    """The recorded order wherever it can be had.

    A task that cannot move yet keeps its turn until it can; an operation that is new is done at
    once by the task whose turn it is; what a task does no longer do is skipped.
    """

    def __init__(self, moves: Sequence[Move]) -> None:
        self._total = len(moves)
        self._turns: dict[str, deque[tuple[int, Move]]] = {}
        for at, move in enumerate(moves):
            self._turns.setdefault(move.task, deque()).append((at, move))
        self._witness = Witness()
        self._lines: dict[str, frozenset[str]] = {}
        self._first: tuple[int, str] | None = None
        self.matched = self.new = 0
        self._recorded = dict.fromkeys(told(move.at) for move in moves)
        self._met: set[str] = set()

    def performed(self, task: Task) -> None:
        """``task`` has come to its next operation."""
        self._witness.arrived(task)
        self._met.add(told(self._witness.before(task)))  # where nobody else can move, too

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Choose whose recorded turn comes first among those that can move."""
        able = [task for task in (*enabled, *late) if self._turns_of(task)]
        while able:
            task = min(able, key=lambda one: self._turns_of(one)[0][0])
            turns, here = self._turns_of(task), self._witness.before(task)
            at, move = turns[0]
            if move.at.resembles(here):
                self._say_if_early(task, at)
                turns.popleft()
                self.matched += 1
                return task
            if self._skip_vanished(task, here):
                able = [one for one in able if self._turns_of(one)]
            elif task in enabled:
                self._leave(at, f"{task.path} is about to {told(here)}, not to {told(move.at)}")
                self.new += 1
                return task
            else:
                able.remove(task)  # a time-out that nobody recorded does not fire early
        self.new += 1
        self._leave(self._done(), "the program asks for one more choice")
        return current or (enabled or late)[0]

    def followed(self) -> Followed:
        """How far the recording was followed until now."""
        first = self._first
        rest = [turns[0] for turns in self._turns.values() if turns]
        if rest and (first is None or min(at for at, _ in rest) < first[0]):
            at, move = min(rest, key=lambda turn: turn[0])
            first = (at, f"{move.task} did not come to {told(move.at)} any more")
        began = {told(Landmark("begin"))}
        missed = tuple(text for text in self._recorded if text not in self._met | began)
        return Followed(self.matched, self._total, self.new, self._place(first), missed)

    def _place(self, first: tuple[int, str] | None) -> str | None:
        if first is None:
            return None
        at, why = first
        if at == self._total:
            return f"behind the last of {at} choices: {why}"
        return f"choice {at + 1} of {self._total}: {why}"

    def _turns_of(self, task: Task) -> deque[tuple[int, Move]]:
        by_path = self._turns.get(task.path)
        return by_path if by_path is not None else self._turns.get(str(task.index), deque())

    def _skip_vanished(self, task: Task, here: Landmark) -> bool:
        """Skip what lies before the recorded operation that the task is about to do, if any."""
        turns = self._turns_of(task)
        ahead = [move.at for _, move in islice(turns, LOOK_AHEAD)]
        same = (n for n, mark in enumerate(ahead) if mark.resembles(here))
        at = next((n for n in same if ahead[n].line == here.line), None)
        if at is None and not any(self._is_still_there(mark, here) for mark in ahead[:1]):
            at = next((n for n, mark in enumerate(ahead) if mark.resembles(here)), None)
        if not at:
            return False
        self._leave(turns[0][0], f"{task.path} does not {told(turns[0][1].at)} any more")
        for _ in range(at):
            turns.popleft()
        return True

    def _is_still_there(self, mark: Landmark, here: Landmark) -> bool:
        """Whether the source line of ``mark`` is in the file that the task is in."""
        if mark.function != here.function:
            return False
        if here.file not in self._lines:
            lines = (" ".join(line.split())[:MAX_TEXT] for line in getlines(here.file))
            self._lines[here.file] = frozenset(lines)
        return mark.line in self._lines[here.file]

    def _say_if_early(self, task: Task, at: int) -> None:
        waiting = [turns[0] for turns in self._turns.values() if turns and turns[0][0] < at]
        if waiting:
            first, move = min(waiting, key=lambda turn: turn[0])
            self._leave(first, f"{move.task} cannot {told(move.at)} yet, so {task.path} moves")

    def _done(self) -> int:
        return min((turns[0][0] for turns in self._turns.values() if turns), default=self._total)

    def _leave(self, at: int, why: str) -> None:
        if self._first is None:
            self._first = (at, why)


def told(mark: Landmark) -> str:
    """An operation in words: "read hits in Counter.hit"."""
    if not mark.label:
        return "move"
    return f"{mark.label} in {mark.function}" if mark.function else mark.label
