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
    """What a minimal schedule has least of, the first first.

    ``departures`` are the choices of another task than the one that would have moved by itself.
    ``before`` are the operations that interrupted tasks had done: what is done for no reason before
    an interruption hides between which lines the others have to come.
    """

    interruptions: int
    turns: int
    choices: int
    departures: int = 0
    before: int = 0


def by_itself(enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
    """Who moves when no turn says: the task that moved goes on; then the oldest, the test last.

    The test would only step from the end of one thread to the end of the next.
    """
    if current is not None:
        return current
    able = enabled or late
    return next((task for task in able if task.index), able[0])


@dataclass(slots=True)
class Recording:
    """Notes the turns of an execution while another decider makes them."""

    counts: dict[int, int] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    woken: list[int] = field(default_factory=list)
    interruptions: int = 0
    departures: int = 0
    done_before: int = 0
    moves: list[tuple[int, int]] = field(default_factory=list)  # task, its operation
    _before: int = 0  # operations of the task before its present turn
    _told: int = 0  # turns up to the last departure

    def performed(self, task: Task) -> None:
        """``task`` has moved, and stands before its next operation."""
        self.forced(task)
        self._moved(task.index)
        self.counts[task.index] = self.counts.get(task.index, 0) + 1

    def forced(self, task: Task) -> None:
        """Nobody was asked: only ``task`` could move."""
        if not self.turns or self.turns[-1].task != task.index:
            self._begin_turn(Turn(task.index), None)

    def _moved(self, task: int) -> None:
        move = (task, self.counts.get(task, 0))
        if not self.moves or self.moves[-1] != move:
            self.moves.append(move)

    def before(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Whether operation ``one`` (task, number) was done, and not after ``other``."""
        if one not in self.moves:
            return False
        return other not in self.moves or self.moves.index(one) < self.moves.index(other)

    def chosen(
        self, task: Task, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]
    ) -> None:
        """``task`` moves next, of ``enabled`` or ``late``."""
        fires = task in late
        interrupts = current is not None and task is not current
        self.interruptions += fires or interrupts
        if fires or not self.turns or self.turns[-1].task != task.index:
            self._begin_turn(Turn(task.index, None, fires), current if interrupts else None)
        if task is not by_itself(enabled, current, late):
            self.departures += 1
            self._told = len(self.turns)
        self._moved(task.index)

    def _begin_turn(self, turn: Turn, interrupted: Task | None) -> None:
        if self.turns:
            last = self.turns[-1]
            count = self.counts.get(last.task, 0)
            upto = None if interrupted is None else count
            self.done_before += upto or 0
            waits = count if upto is None and count > self._before else None  # else it has ended
            self.turns[-1] = Turn(last.task, upto, last.late, waits)
        self._before = self.counts.get(turn.task, 0)
        self.turns.append(turn)

    def course(self) -> Course:
        """What was noted; without the turns at the end that come by themselves."""
        return Course(tuple(self.turns[: self._told]), tuple(self.woken))

    def cost(self, execution: Execution) -> Cost:
        """Of the execution that was noted."""
        made = len(kept_choices(execution))
        return Cost(self.interruptions, len(self.turns), made, self.departures, self.done_before)


class Recorded:
    """Another decider's choices, with the turns that they make."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self.recording = Recording()
        self._inner: Callable[[Task], None] | None = getattr(decider, "performed", None)
        self._choose = getattr(decider, "choose", decider.pick)
        self.forced = self.recording.forced
        self.begin = getattr(decider, "begin", lambda _: None)
        self.left_over = getattr(decider, "left_over", lambda: None)

    def performed(self, task: Task) -> None:
        """As the engine calls it."""
        self.recording.performed(task)
        if self._inner is not None:
            self._inner(task)

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """As the other one decides."""
        chosen = self._decider.pick(enabled, current, late)
        self.recording.chosen(chosen, enabled, current, late)
        return chosen

    def choose(self, waiters: Sequence[Task], current: None, late: Sequence[Task]) -> Task:
        """As the other one decides, too."""
        chosen = self._choose(waiters, current, late)
        self.recording.woken.append(chosen.index)
        return chosen


class Along:
    """Follow a course as well as the program lets; where it says nothing, nobody is preempted.

    ``first`` is (a, n, b, m): operation n of task a has to wait until b has done its operation m.
    When ``at_once``, a moves as soon as it then can.
    """

    def __init__(
        self,
        course: Course,
        first: tuple[int, int, int, int] | None = None,
        at_once: bool = False,
    ) -> None:
        self._course = course
        self._at = 0
        self._woken = 0
        self._first = first
        self._at_once = at_once
        self._holding = False
        self._live: list[Task] = []
        self.recording = Recording()
        self.forced = self.recording.forced

    def begin(self, execution: Execution) -> None:
        """As the engine calls it."""
        self._live = execution.live

    def performed(self, task: Task) -> None:
        """As the engine calls it."""
        self.recording.performed(task)
        due = self._course.turns[self._at : self._at + 2]
        # Nobody was asked where only this task could move: perhaps its turn has come.
        if len(due) == 2 and due[0].task != task.index == due[1].task:
            self._at += 1

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Whose turn it is, if that task can move."""
        able = [task for task in enabled if not self._held_back(task)]
        self._holding = self._holding or len(able) < len(enabled)
        chosen = self._let_go(able) or self._due(able or enabled, current, late)
        if chosen is None:
            able = able or list(enabled)
            chosen = by_itself(able, current if current in able else None, late)
        self.recording.chosen(chosen, enabled, current, late)
        return chosen

    def choose(self, waiters: Sequence[Task], _: None, __: Sequence[Task]) -> Task:
        """Whom the course wakes, if he waits."""
        due = self._course.woken
        wanted = due[self._woken] if self._woken < len(due) else None
        self._woken += 1
        chosen = next((task for task in waiters if task.index == wanted), waiters[0])
        self.recording.woken.append(chosen.index)
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

    def _let_go(self, able: Sequence[Task]) -> Task | None:
        """Who was held back moves as soon as it may, so that no more than that is changed."""
        if not self._holding or self._first is None or not self._at_once:
            return None
        task, op = self._first[:2]
        self._holding = self.recording.counts.get(task, 0) == op
        return next((t for t in able if t.index == task and self._holding), None)

    def _held_back(self, task: Task) -> bool:
        if self._first is None:
            return False
        a, n, b, m = self._first
        counts = self.recording.counts
        if task.index != a or counts.get(a, 0) != n or counts.get(b, 0) > m:
            return False
        return counts.get(b, 0) < m or any(other.index == b for other in self._live)
