"""A schedule as turns: who moves, and before which of its own operations it is interrupted.

A choice of the engine means nothing once an earlier one is changed; "task 2 goes on until its ninth
operation" still does, so that a schedule can be changed somewhere and its rest followed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import kept_choices
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task


@dataclass(frozen=True, slots=True)
class Turn:
    """Task ``task`` moves; ``upto`` is the operation, counted from 1 in that task, before which it
    is interrupted (None: it moves until it has to wait, or ends); ``late``: its time-out fires.
    ``waits`` is the operation at which it had to wait.
    """

    task: int
    upto: int | None = None
    late: bool = False
    waits: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Course:
    """The turns of one execution in their order, and who was woken where several waited."""

    turns: tuple[Turn, ...] = ()
    woken: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What a minimal schedule has least of, the first first."""

    interruptions: int
    turns: int
    choices: int


@dataclass(slots=True)
class Recording:
    """Notes the turns of an execution while another decider makes them."""

    counts: dict[int, int] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    woken: list[int] = field(default_factory=list)
    interruptions: int = 0
    _before: int = 0  # operations of the task before its present turn

    def performed(self, task: Task) -> None:
        """``task`` has moved, and stands before its next operation."""
        if not self.turns or self.turns[-1].task != task.index:
            self._begin_turn(Turn(task.index), None)  # nobody was asked: only this task could move
        self.counts[task.index] = self.counts.get(task.index, 0) + 1

    def chosen(self, task: Task, current: Task | None, late: Sequence[Task]) -> None:
        """``task`` moves next."""
        fires = task in late
        interrupts = current is not None and task is not current
        self.interruptions += fires or interrupts
        if fires or not self.turns or self.turns[-1].task != task.index:
            self._begin_turn(Turn(task.index, None, fires), current if interrupts else None)

    def _begin_turn(self, turn: Turn, interrupted: Task | None) -> None:
        if self.turns:
            last = self.turns[-1]
            count = self.counts.get(last.task, 0)
            upto = None if interrupted is None else count
            waits = count if upto is None and count > self._before else None  # else it has ended
            self.turns[-1] = Turn(last.task, upto, last.late, waits)
        self._before = self.counts.get(turn.task, 0)
        self.turns.append(turn)

    def course(self) -> Course:
        """What was noted."""
        return Course(tuple(self.turns), tuple(self.woken))

    def cost(self, execution: Execution) -> Cost:
        """Of the execution that was noted."""
        return Cost(self.interruptions, len(self.turns), len(kept_choices(execution)))


def asks_whom_to_wake(enabled: Sequence[Task], current: Task | None) -> bool:
    """Whether the choice is one of waiters to wake, not of who moves: none of them can move."""
    return current is None and all(
        task.pending[0] == "wait" and task.ready is not None and not task.ready()
        for task in enabled
    )


class Recorded:
    """Another decider's choices, with the turns that they make."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self.recording = Recording()
        self._inner: Callable[[Task], None] | None = getattr(decider, "performed", None)
        begin = getattr(decider, "begin", None)
        if begin is not None:
            self.begin = begin
        left_over = getattr(decider, "left_over", None)
        if left_over is not None:
            self.left_over = left_over

    def performed(self, task: Task) -> None:
        """As the engine calls it."""
        self.recording.performed(task)
        if self._inner is not None:
            self._inner(task)

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """As the other one decides."""
        waiters = not late and asks_whom_to_wake(enabled, current)
        chosen = self._decider.pick(enabled, current, late)
        if waiters:
            self.recording.woken.append(chosen.index)
        else:
            self.recording.chosen(chosen, current, late)
        return chosen


class Along:
    """Follow a course as well as the program lets; where it says nothing, nobody is preempted.

    ``first`` is (a, n, b, m): operation n of task a has to wait until b has done its operation m.
    """

    def __init__(self, course: Course, first: tuple[int, int, int, int] | None = None) -> None:
        self._course = course
        self._at = 0
        self._woken = 0
        self._first = first
        self._live: list[Task] = []
        self.recording = Recording()

    def begin(self, live: list[Task]) -> None:
        """As the engine calls it."""
        self._live = live

    def performed(self, task: Task) -> None:
        """As the engine calls it."""
        self.recording.performed(task)
        due = self._course.turns[self._at : self._at + 2]
        # Nobody was asked where only this task could move: perhaps its turn has come.
        if len(due) == 2 and due[0].task != task.index == due[1].task:
            self._at += 1

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Whose turn it is, if that task can move."""
        if not late and asks_whom_to_wake(enabled, current):
            return self._wake(enabled)
        able = [task for task in enabled if not self._held_back(task)] or list(enabled)
        chosen = self._due(able, current, late)
        if chosen is None:
            chosen = current if current in able else (able or late)[0]
        self.recording.chosen(chosen, current, late)
        return chosen

    def _due(self, able: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task | None:
        turns = self._course.turns
        while self._at < len(turns):
            turn = turns[self._at]
            if not self._over(turn, current):
                for task in (*able, *(late if turn.late else ())):
                    if task.index == turn.task:
                        return task
            self._at += 1
        return None

    def _over(self, turn: Turn, current: Task | None) -> bool:
        """Whether the task has come to where its turn ends; it need not stop if it can go on."""
        count = self.recording.counts.get(turn.task, 0)
        if turn.upto is not None:
            return count >= turn.upto
        if turn.waits is None or (current is not None and current.index == turn.task):
            return False
        return count >= turn.waits

    def _held_back(self, task: Task) -> bool:
        if self._first is None:
            return False
        a, n, b, m = self._first
        counts = self.recording.counts
        if task.index != a or counts.get(a, 0) != n or counts.get(b, 0) > m:
            return False
        return counts.get(b, 0) < m or any(other.index == b for other in self._live)

    def _wake(self, waiters: Sequence[Task]) -> Task:
        due = self._course.woken
        wanted = due[self._woken] if self._woken < len(due) else None
        self._woken += 1
        chosen = next((task for task in waiters if task.index == wanted), waiters[0])
        self.recording.woken.append(chosen.index)
        return chosen
