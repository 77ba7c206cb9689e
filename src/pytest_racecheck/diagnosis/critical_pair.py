"""Which order of which lines decides: each claim is tried by running the program the other way.

For every interruption that is left: what comes of it when the interrupted task goes on instead, and
when the others come before?  Without an interruption: which two dependent operations must come in
this order?  What is said was run: it fails so, and passes otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_racecheck.diagnosis.causes import BLOCKED, shared
from pytest_racecheck.diagnosis.minimise import Minimised, ways_to_go_on
from pytest_racecheck.diagnosis.turns import Along, Course, Turn
from pytest_racecheck.engine.clock import real_perf_s
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.trace import Step

MAX_RUNS = 60
MAX_SECONDS = 0.5
#: So many orders are told at most, of a failure that needs no interruption.
MAX_ORDERS = 3


@dataclass(frozen=True, slots=True)
class Critical:
    """Fails when ``between`` runs after ``first`` and before ``then``; passes when it does not.

    Without ``first`` only the order of ``between`` and ``then`` decides.  ``verified`` are the runs
    that bear it out: "fails", "passes after", and with ``first`` also "passes before".
    """

    first: Step | None
    between: Step
    then: Step
    verified: tuple[str, ...]


class _Spent(Exception):
    """The budget is gone."""


def critical(
    runner: Runner, simple: Minimised, steps: Sequence[Step], failed: Sequence[int]
) -> list[Critical]:
    """What decides in the minimised execution; empty: nothing was verified.

    ``steps`` are those of the execution, with their ``relevant`` set; ``failed`` its failed tasks.
    """
    trial = _Trial(runner, simple.course, steps, failed)
    found: list[Critical] = []
    try:
        for at, turn in enumerate(simple.course.turns):
            if turn.upto is not None:
                found += trial.interruption(at, turn)
        if not found:
            found += trial.orders()
    except _Spent:
        return found
    return found


class _Trial:
    """The execution that failed, and the runs of the program the other way."""

    def __init__(
        self, runner: Runner, course: Course, steps: Sequence[Step], failed: Sequence[int]
    ) -> None:
        self._runner = runner
        self._course = course
        self._steps = [step for step in steps if step.op]
        self._failed = failed
        self._left = MAX_RUNS
        self._begun = real_perf_s()

    def _run(self, along: Along) -> Execution:
        if not self._left or real_perf_s() - self._begun > MAX_SECONDS:
            raise _Spent
        self._left -= 1
        execution = self._runner.execute(along)
        if execution.lost:
            raise _Spent
        return execution

    # --- interruptions -------------------------------------------------------------------------

    def interruption(self, at: int, turn: Turn) -> Iterator[Critical]:
        """The interruption that ends turn ``at``: who came between what."""
        told = self._told(turn)
        if told is None:
            return
        first, its, between, then = told
        if not any(self._passes(Along(course)) for course in ways_to_go_on(self._course, at)):
            return
        if first is not None and its is not None and self._passes_before(at, first, its):
            yield Critical(first, between, then, ("fails", "passes after", "passes before"))
        else:
            yield Critical(None, between, then, ("fails", "passes after"))

    def _told(self, turn: Turn) -> tuple[Step | None, Step | None, Step, Step] | None:
        """The last step before, what it depends on, one between and the first step after."""
        own = [n for n, step in enumerate(self._steps) if step.task == turn.task]
        assert turn.upto is not None
        before = [n for n in own if self._steps[n].op < turn.upto]
        after = [n for n in own if self._steps[n].op >= turn.upto]
        begin = before[-1] if before else -1
        end = after[0] if after else len(self._steps)
        between = self._steps[begin + 1 : end]
        between += [step for step in self._steps[end:] if step.choice == BLOCKED]
        others = [step for step in between if step.task != turn.task and step.relevant]
        if not after or not others:
            return None
        others.sort(key=lambda step: step.task not in self._failed)  # their steps say most
        then, middle = _first_pair([self._steps[n] for n in after], others)
        first, its = _first_pair([self._steps[n] for n in reversed(before)], others)
        middle = middle or its or others[0]
        if middle.choice == BLOCKED and its is not None:
            middle = its
        return first, its, middle, then or self._steps[after[0]]

    def _passes(self, along: Along) -> bool:
        execution = self._run(along)
        return not execution.failures and execution.divergence is None

    def _passes_before(self, at: int, first: Step, between: Step) -> bool:
        turns = self._course.turns
        for op in dict.fromkeys((first.op, self._begin_of_section(first))):
            stopped = replace(turns[at], upto=op)
            course = Course((*turns[:at], stopped, *turns[at + 1 :]), self._course.woken)
            along = Along(course, (first.task, op, between.task, between.op))
            if self._passes(along) and along.recording.before(
                (between.task, between.op), (first.task, first.op)
            ):
                return True
        return False

    def _begin_of_section(self, step: Step) -> int:
        """Where the task took the first of the locks that it holds at ``step``."""
        own = [s for s in self._steps if s.task == step.task and s.op <= step.op]
        free = [s.op for s in own if not s.holds]
        return free[-1] if free else step.op

    # --- orders --------------------------------------------------------------------------------

    def orders(self) -> Iterator[Critical]:
        """Pairs of dependent steps that pass when they come the other way round."""
        told: set[tuple[object, ...]] = set()
        for one, other in self._pairs():
            shown, its = self._data_within(one, other)
            key = (shown.filename, shown.line, its.filename, its.line, one.task, other.task)
            if key in told:
                continue
            along = Along(self._course, (one.task, one.op, other.task, other.op), True)
            if self._passes(along) and along.recording.before(
                (other.task, other.op), (one.task, one.op)
            ):
                told.add(key)
                yield Critical(None, shown, its, ("fails", "passes after"))
                if len(told) == MAX_ORDERS:
                    return

    def _pairs(self) -> Iterator[tuple[Step, Step]]:
        """Neighbours in the order of what they share, the latest first."""
        steps = self._steps
        for at in reversed(range(len(steps))):
            met: set[int] = {steps[at].task}
            for before in reversed(range(at)):
                one = steps[before]
                if "release" in (one.label, steps[at].label):
                    continue  # it is the acquiring that has an order
                if one.task not in met and shared(one, steps[at]) is not None:
                    met.add(one.task)
                    yield one, steps[at]

    def _data_within(self, one: Step, other: Step) -> tuple[Step, Step]:
        """Of two critical sections the data that they share; else the steps themselves."""
        for step in self._section(one):
            for its in self._section(other):
                both = shared(step, its)
                if both is not None and step.label in _DATA and its.label in _DATA:
                    return step, its
        return one, other

    def _section(self, begin: Step) -> list[Step]:
        if begin.label != "acquire" or not begin.touched:
            return [begin]
        lock = begin.touched[0][0]
        own = (s for s in self._steps if s.task == begin.task and s.op > begin.op)
        section = []
        for step in own:
            if lock not in step.holds:
                break
            section.append(step)
        return section


_DATA = ("read", "write")


def _first_pair(own: Sequence[Step], others: Sequence[Step]) -> tuple[Step | None, Step | None]:
    """The first step of ``own`` that depends on one of the others, and that one.

    Data goes before locks, what is written before what is read.
    """
    found: tuple[Step | None, Step | None] = (None, None)
    for step in own:
        if step.label == "release":
            continue
        its = [other for other in others if shared(step, other) is not None]
        if its and (found[0] is None or step.label in _DATA):
            same = [other for other in its if other.task == its[0].task]
            writing = [other for other in same if other.label == "write"]
            found = step, (writing or same)[-1 if writing else 0]
        if found[0] is not None and found[0].label in _DATA:
            break
    return found
