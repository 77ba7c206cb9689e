"""A failing schedule made as simple as it can be: fewest preemptions, then turns, then choices.

First only what the failure came from (``causal_past.py``), which takes a schedule of a hundred
threads to its end at once.  Then greedily: leave out preemptions, many at a time and then one by
one, take turns out, put them earlier; whatever still ends in the same failure is kept.  Then a
search below: is there a schedule with fewer preemptions (``below.py``)?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from pytest_racecheck.diagnosis.below import Below, Orders
from pytest_racecheck.diagnosis.causal_past import causal_courses
from pytest_racecheck.diagnosis.shared import Sharing, Watching
from pytest_racecheck.diagnosis.turns import Along, Cost, Course, Recorded, Turn
from pytest_racecheck.engine.clock import real_perf_s
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner, kept_choices, same_failure
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.schedule import Schedule, record
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.recorded import Follow

MAX_REPLAYS = 150
#: Of these so many at most are spent greedily; the rest is for the search below.
MAX_GREEDY = 90
MAX_SECONDS = 0.5
#: For each set of interruptions.
MAX_ORDERS = 24


@dataclass(frozen=True, slots=True)
class Minimised:
    """The simplest schedule that was found, and what it took.

    ``exact`` says that every schedule with fewer preemptions was tried, within what ``below.py``
    takes for different; otherwise the budget was spent.
    """

    schedule: Schedule
    course: Course
    cost: Cost
    preemptions: int  # as the engine counts them; an early time-out is none
    found_with: int  # interruptions of the schedule before
    replays: int
    seconds: float
    exact: bool


class _Spent(Exception):
    """The budget is gone, or an execution went astray: what was found so far stands."""


def minimise(
    runner: Runner, schedule: Schedule, first: TaskFailure, seconds: float | None = MAX_SECONDS
) -> Minimised | None:
    """Simplify ``schedule``, which ended in ``first``; None when it does not do so again.

    Takes at most ``seconds``, and never more than ``MAX_SECONDS``; with None it stays as it is.
    """
    shrinking = _Shrinking(runner, first, min(seconds or MAX_SECONDS, MAX_SECONDS))
    try:
        if shrinking.begin(schedule) and seconds is not None:
            shrinking.greedily()
            shrinking.below()
    except _Spent:
        pass  # what was found so far stands
    if shrinking.schedule is None:
        return None
    return Minimised(
        shrinking.schedule,
        shrinking.course,
        shrinking.best,
        shrinking.preemptions,
        shrinking.found_with,
        shrinking.replays,
        real_perf_s() - shrinking.begun,
        shrinking.exact,
    )


class _Shrinking:
    """The best schedule so far, and the budget."""

    def __init__(self, runner: Runner, first: TaskFailure, seconds: float) -> None:
        self._runner = runner
        self._first = first
        self._seconds = seconds
        self.begun = real_perf_s()
        self.replays = 0
        self.schedule: Schedule | None = None
        self.course = Course()
        self.best = Cost(0, 0, 0)
        self.preemptions = 0
        self.found_with = 0
        self.exact = False
        self._past: Iterator[Course] = iter(())
        self._limit = MAX_GREEDY
        self._longest_s = 0.0  # of a replay: none is begun that may not fit
        self._sharing = Sharing()
        self._tried: set[Course] = set()
        self._cycle: tuple[int, ...] = ()
        self._waits_at: dict[int, int] = {}  # the last operation of each task

    def begin(self, schedule: Schedule) -> bool:
        """Follow the schedule once, noting its turns; whether it fails as it did."""
        watching = Watching(Recorded(Follow(schedule)))
        execution = self._execute(watching)
        if not self._fails(execution):
            return False
        self._sharing = watching.sharing()
        recording = watching.recording
        self.schedule, self.course = schedule, recording.course()
        self.best, self.preemptions = recording.cost(execution), execution.preemptions
        self._cycle, self._waits_at = execution.failures[0].cycle, recording.counts
        self.found_with = self.best.interruptions
        failure = execution.failures[0]
        failed = [task.index for task in execution.tasks if task.path == failure.task]
        roots = {*failed, *failure.cycle}
        self._past = causal_courses(watching.events, roots, self.course.woken)
        return True

    def _execute(self, decider: Decider) -> Execution:
        begin = real_perf_s()
        spent = begin + self._longest_s > self.begun + self._seconds
        if self.replays >= self._limit or (spent and self.replays):
            raise _Spent
        self.replays += 1
        execution = self._runner.execute(decider)
        self._longest_s = max(self._longest_s, real_perf_s() - begin)
        if execution.lost:
            raise _Spent
        return execution

    def _fails(self, execution: Execution) -> bool:
        if execution.divergence is not None or not execution.failures:
            return False
        return same_failure(self._first, execution.failures[0])

    def _try(self, course: Course) -> bool:
        """Run along ``course``; keep what came of it when that is the same failure and simpler."""
        if course in self._tried:
            return False
        self._tried.add(course)
        along = Along(course)
        return self._keep(self._execute(along), along)

    def _keep(self, execution: Execution, decider: Along | Recorded) -> bool:
        recording = decider.recording
        if not self._fails(execution) or recording.cost(execution) >= self.best:
            return False
        self.schedule = record("minimised", kept_choices(execution))
        self.course, self.best = recording.course(), recording.cost(execution)
        self.preemptions = execution.preemptions
        self._cycle, self._waits_at = execution.failures[0].cycle, recording.counts
        return True

    # --- greedily ------------------------------------------------------------------------------

    def greedily(self) -> None:
        """Until no single change makes it simpler, or the greedy part of the budget is spent."""
        try:
            self._what_led_to_it()
            self._many_at_a_time()
            self._turns_at_a_time()
            self._one_by_one()
        except _Spent:
            if self.replays < MAX_GREEDY:
                raise

    def _what_led_to_it(self) -> None:
        """Only what the failure came from, and then everybody else."""
        for course in self._past:
            self._try(course)
            if self.best.interruptions < 2:
                break

    def _many_at_a_time(self) -> None:
        """Leave out all preemptions; all but half of them, a quarter, ...; then so many of them.

        Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE 2002.
        """
        self._try(without(self.course, _preempted(self.course.turns)))
        parts = 2
        while parts < 2 * len(where := _preempted(self.course.turns)):
            size = -(-len(where) // parts)
            chunks = [where[at : at + size] for at in range(0, len(where), size)]
            if any(self._try(without(self.course, _but(where, chunk))) for chunk in chunks):
                parts = 2
            elif not any(self._try(without(self.course, chunk)) for chunk in chunks):
                parts *= 2

    def _turns_at_a_time(self) -> None:
        """Take out half of the turns, a quarter, ...; the tasks move when nobody else is to."""
        size = len(self.course.turns) // 2
        while size > 1:
            at = len(self.course.turns) - size
            while at > 0:
                self._try(_removed(self.course, at, at + size))
                at = min(at, len(self.course.turns)) - size
            size //= 2

    def _one_by_one(self) -> None:
        """Make every change to every turn, again and again while one of them helps."""
        before = None
        while before != self.best:
            before = self.best
            for change in _CHANGES:
                at = len(self.course.turns) - 1
                while at >= 0:
                    for course in change(self.course, at):
                        if self._try(course):
                            break
                    at = min(at, len(self.course.turns)) - 1

    # --- below ---------------------------------------------------------------------------------

    def below(self) -> None:
        """Look for one with fewer preemptions, by fewest first, and simplify that again."""
        self._limit = MAX_REPLAYS
        self._each_into_its_wait()
        self._in_another_order()
        while self.best.interruptions:
            search = Below(self.best.interruptions - 1, self._sharing)
            if not any(self._search(decider) for decider in search.deciders()):
                break
            self._one_by_one()
        self.exact = True

    def _each_into_its_wait(self) -> None:
        """In a cycle of waits one task has to be interrupted: the others run until they wait."""
        cycle = self._cycle
        for at, first in enumerate(cycle):
            if self.best.interruptions < 2:
                return
            others = [cycle[(at - n) % len(cycle)] for n in range(1, len(cycle))]
            stop = Turn(first, self._waits_at.get(first, 1))
            outside = [turn.task for turn in self.course.turns if turn.task not in cycle]
            before = tuple(Turn(task) for task in dict.fromkeys(outside))
            self._try(Course((*before, stop, *map(Turn, others)), self.course.woken))

    def _in_another_order(self) -> None:
        """All but one of the interruptions, with every order of the tasks besides."""
        helped = True
        while helped and self.best.interruptions > 1:
            stops = {(t.task, t.upto) for t in self.course.turns if t.upto is not None}
            orders = [Orders(stops - {left_out}) for left_out in sorted(stops)]
            tries = (d for order in orders for d in islice(order.deciders(), MAX_ORDERS))
            helped = any(self._search(decider) for decider in tries)

    def _search(self, decider: Decider) -> bool:
        recorded = Recorded(decider)
        return self._keep(self._execute(recorded), recorded)


def _preempted(turns: tuple[Turn, ...]) -> list[int]:
    return [at for at, turn in enumerate(turns) if turn.upto is not None or turn.late]


def _but(where: list[int], kept: list[int]) -> list[int]:
    return [at for at in where if at not in kept]


def without(course: Course, where: list[int]) -> Course:
    """The tasks that these turns interrupt go on instead, to where they stop the next time."""
    turns: list[Turn | None] = list(course.turns)
    for at in sorted(where, reverse=True):  # from the end: what is pulled forward is final
        turn = course.turns[at]
        again = (n for n in range(at + 1, len(turns)) if _is_of(turns[n], turn.task))
        following = next(again, None)
        pulled = None if following is None else turns[following]
        if pulled is None or following is None:
            turns[at] = Turn(turn.task)
        else:
            turns[at], turns[following] = replace(pulled, late=False), None
    return Course(_joined(tuple(turn for turn in turns if turn is not None)), course.woken)


def _is_of(turn: Turn | None, task: int) -> bool:
    return turn is not None and turn.task == task


def ways_to_go_on(course: Course, at: int) -> Iterator[Course]:
    """The task that turn ``at`` interrupts goes on: to its next stop, to where it has to wait."""
    turns = course.turns
    if turns[at].upto is None and not turns[at].late:
        return
    yield without(course, [at])
    again = (n for n in range(at + 1, len(turns)) if turns[n].task == turns[at].task)
    following = next(again, None)
    if following is not None:
        yield _removed(course, at + 1, following)
    yield Course(_joined((*turns[:at], Turn(turns[at].task), *turns[at + 1 :])), course.woken)


def _one_turn_less(course: Course, at: int) -> Iterator[Course]:
    yield _removed(course, at, at + 1)


def _another_first(course: Course, at: int) -> Iterator[Course]:
    """Where a task is interrupted, a turn that comes later comes at once."""
    turns = course.turns
    if turns[at].upto is None:
        return
    for later in range(at + 2, len(turns)):
        between, after = turns[at + 1 : later], turns[later + 1 :]
        moved = (*turns[: at + 1], turns[later], *between, *after)
        yield Course(_joined(moved), course.woken)


def _stopped_where_it_waited(course: Course, at: int) -> Iterator[Course]:
    """Whom turn ``at`` lets wait is interrupted there instead, so that the turn can come later."""
    following = course.turns[at + 1 : at + 2]
    if course.turns[at].upto is None or not following or following[0].waits is None:
        return
    stopped = replace(following[0], upto=following[0].waits, waits=None)
    turns = (*course.turns[:at], stopped, *course.turns[at + 2 :])
    yield Course(_joined(turns), course.woken)


def _interrupted_earlier(course: Course, at: int) -> Iterator[Course]:
    """What is done before an interruption need not have been: at once, or a little earlier."""
    turn = course.turns[at]
    for upto in dict.fromkeys((1, (turn.upto or 0) // 2, (turn.upto or 0) - 1)):
        if turn.upto is not None and 0 < upto < turn.upto:
            turns = (*course.turns[:at], replace(turn, upto=upto), *course.turns[at + 1 :])
            yield Course(turns, course.woken)


def _removed(course: Course, begin: int, end: int) -> Course:
    return Course(_joined(course.turns[:begin] + course.turns[end:]), course.woken)


_CHANGES = (
    ways_to_go_on,
    _one_turn_less,
    _another_first,
    _stopped_where_it_waited,
    _interrupted_earlier,
)


def _joined(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Turns of one task that follow each other are one turn."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].task == turn.task and not turn.late:
            turn = replace(turn, late=joined[-1].late)
            joined.pop()
        joined.append(turn)
    return tuple(joined)
