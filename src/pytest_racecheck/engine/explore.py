"""Many executions of one body under one strategy and one budget, and what came of them."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

from pytest_racecheck.engine.behaviours import Behaviours
from pytest_racecheck.engine.carrier import OneCpu
from pytest_racecheck.engine.carriers import Carriers
from pytest_racecheck.engine.clock import real_perf_s
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.schedule import Schedule, record
from pytest_racecheck.engine.signals import Signals
from pytest_racecheck.engine.strategies.base import Decider, Strategy, member_of
from pytest_racecheck.engine.strategies.portfolio import Portfolio
from pytest_racecheck.engine.strategies.promise import Promise
from pytest_racecheck.engine.strategies.recorded import Follow, Replay
from pytest_racecheck.engine.strategies.tolerant import Followed
from pytest_racecheck.engine.trace import Trace
from pytest_racecheck.engine.watchdog import Watchdog
from pytest_racecheck.engine.watching import Watch
from pytest_racecheck.errors import UsageError

#: Every so many executions one is run twice, to notice nondeterminism that is not ours.
CHECK_AGAIN_EVERY = 50
#: Cyclic garbage is collected between executions only: a finaliser must not run at a random step.
COLLECT_EVERY = 200
#: A search that moves to threads has at least this share of its time for them.
_LEAST_LEFT = 0.1


@dataclass
class Exploration:
    """What came out of a search; ``first_failure`` is 1-based."""

    executions: int = 0
    failures: int = 0  # executions that failed; more than one only when the search went on
    drawn: int = 0  # executions that were drawn at random
    drawn_failures: int = 0
    redundant: int = 0  # ended early by the reduction, not counted among them
    seconds: float = 0.0
    first_failure: int | None = None
    failed: Execution | None = None
    schedule: Schedule | None = None
    first: Schedule | None = None  # of the first execution, if it passed
    finished: bool = False  # the strategy had nothing left to try
    reduced: bool = False  # one schedule stood for all that are equivalent
    grade: str | None = None
    preemptions: int | None = None
    divergence: str | None = None
    cut_off: str | None = None
    followed: Followed | None = None  # how far a recording was followed
    lost: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    uncontrolled: list[str] = field(default_factory=list)
    transports: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # on how the search was made
    moved: str | None = None  # why the search was begun again on threads
    longest_s: float = 0.0  # how far the virtual clock went in one execution
    most_tasks: int = 0
    choices: int = 0
    hunted: int = 0  # further executions, each made for one possible deadlock
    promise: Promise | None = None  # of random priorities
    behaviours: Behaviours = field(default_factory=Behaviours)


class Runner:
    """Runs executions of one body; holds the pool of carriers and the watchdog between them."""

    def __init__(
        self,
        body: Callable[[], object],
        *,
        max_steps: int = 20_000,
        patience_s: float = 2.0,
        before: Callable[[Execution], None] | None = None,
        after: Callable[[Execution], None] | None = None,
        signals: Signals | None = None,
    ) -> None:
        self.body = body
        self._signals = signals or Signals()
        self._max_steps = max_steps
        self._patience_s = patience_s
        self._before = before
        self._after = after
        self.watch = Watch()  # for nothing, unless somebody gives it another one
        #: What carries the tasks: OS threads, unless somebody puts other ones here.
        self.carriers = Carriers("threads")
        self._watchdog = Watchdog(patience_s)
        self._since_collection = 0
        self._cpus: set[int] = set()
        self.forked = False  # it is in a process that another one of its kind has forked
        #: Calls the body in its stead, when somebody wants to look on.
        self.around: Callable[[Callable[[], object]], object] | None = None

    @contextmanager
    def ready(self) -> Iterator[Runner]:
        """Pin to one CPU, keep the garbage collector quiet, watch; undo all of it afterwards."""
        collecting = gc.isenabled()
        self._cpus = allowed_cpus()
        with OneCpu(), self._watchdog:
            gc.disable()
            try:
                yield self
            finally:
                if collecting:
                    gc.enable()
                self.carriers.retire()

    def execute(
        self, decider: Decider, trace: Trace | None = None, *, searching: bool = False
    ) -> Execution:
        """Run the body once; raises what stops a whole test (KeyboardInterrupt, skip).

        One that ``moved`` does not count (only when ``searching``): it will be done on threads.
        """
        pool = self.carriers.next(searching and self.around is None)
        execution = Execution(
            decider,
            pool,
            max_steps=self._max_steps,
            patience_s=self._patience_s,
            trace=trace,
        )
        self._signals.begin(execution)
        self._watchdog.execution = execution
        if self._before is not None:
            self._before(execution)
        self.watch.before(execution)
        try:
            around = self.around
            execution.run(self.body if around is None else partial(around, self.body))
        finally:
            self._watchdog.execution = None
            self._signals.end()
            self.watch.after(execution)
            if self._after is not None:
                self._after(execution)
            self.carriers.learn(execution)
            self._since_collection += 1
            if self._since_collection >= COLLECT_EVERY:
                self._since_collection = 0
                gc.collect(1)
        if execution.divergence is None and not execution.lost and hasattr(decider, "left_over"):
            execution.divergence = decider.left_over()
        return execution

    def replay(self, schedule: Schedule, trace: Trace | None = None) -> Execution:
        """Run the body once along ``schedule``; ``divergence`` says where it was left, if so."""
        return self.execute(Follow(schedule), trace)

    def hear(self) -> None:
        """Between executions, when that lasts: run the handlers of signals that have come."""
        self._signals.hear()

    def comes_from_outside(self, error: BaseException) -> bool:
        """Whether a signal has raised ``error``, and not the body."""
        return isinstance(error, KeyboardInterrupt) or self._signals.is_the_cause(error)

    def begin_anew(self, number: int) -> None:
        """In a process just forked: the threads of the parent are not there, its CPU is its own.

        A body that shares more with its parent has a method of the same name.
        """
        self.forked = True
        prepare = getattr(self.body, "begin_anew", None)
        if prepare is not None:
            prepare(number)
        self.carriers.begin_anew()
        self._watchdog = Watchdog(self._patience_s)
        self._watchdog.__enter__()
        cpus, here = sorted(self._cpus), allowed_cpus()
        if len(cpus) > 1 and len(here) == 1:
            at = cpus.index(min(here)) + number
            os.sched_setaffinity(0, {cpus[at % len(cpus)]})

    def retire_carriers(self) -> None:
        """End the pooled threads, so that their thread-local data goes."""
        self.carriers.retire()


def allowed_cpus() -> set[int]:
    """Where the calling thread may run; empty where the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def search(
    runner: Runner, strategy: Strategy, *, executions: int, seconds: float, go_on: bool = False
) -> Exploration:
    """Explore until the first failure (unless ``go_on``), the end of the strategy or the budget."""
    refuse_no_budget(executions, seconds)
    again = deepcopy(strategy) if runner.carriers.may_move else None
    found = _searched(runner, strategy, executions, seconds, go_on)
    if found.moved is None or again is None:
        return found
    # The same search from its beginning, on threads, in what is left of the time.
    left_s = max(seconds - found.seconds, seconds * _LEAST_LEFT)
    moved = _searched(runner, again, executions, left_s, go_on)
    moved.seconds += found.seconds
    moved.moved = found.moved
    return moved


def _searched(
    runner: Runner, strategy: Strategy, executions: int, seconds: float, go_on: bool
) -> Exploration:
    """The same, but for what begins again because an execution does not count."""
    found = Exploration()
    begun = real_perf_s()
    deciders = strategy.deciders()
    try:
        while found.executions < executions and real_perf_s() - begun < seconds:
            decider = next(deciders, None)
            if decider is None:
                found.finished = True
                break
            watched = found.behaviours.look_at(member_of(strategy), decider)
            execution = runner.execute(watched, searching=True)
            if execution.moved is not None:
                found.moved = execution.moved
                break
            if execution.redundant:
                found.redundant += 1
            elif ends_the_search(found, execution, runner, strategy) and (
                not go_on or found.moved is not None
            ):
                break
    finally:
        if isinstance(deciders, Generator):
            deciders.close()  # so that the last execution is noted as well
        found.seconds = real_perf_s() - begun
        say_what_was_covered(found, strategy)
    return found


def refuse_no_budget(executions: int, seconds: float) -> None:
    """Raise UsageError for a search that could not run anything."""
    if executions < 1 or not seconds > 0:
        raise UsageError(f"a budget must be positive: executions={executions}, seconds={seconds:g}")


def say_what_was_covered(found: Exploration, strategy: Strategy) -> None:
    """Into ``found``: what the strategy can say now that the search has ended."""
    found.grade, found.preemptions = strategy.grade, strategy.preemptions
    found.reduced = getattr(strategy, "reduces", False)
    found.followed = getattr(strategy, "followed", None)
    found.promise = getattr(strategy, "promise", None)


def ends_the_search(
    found: Exploration, execution: Execution, runner: Runner, strategy: Strategy
) -> bool:
    """Take one execution in; whether it failed, or shows that more of them would say nothing."""
    found.executions += 1
    found.failures += bool(execution.failures)
    if getattr(member_of(strategy), "draws", False):
        found.drawn += 1
        found.drawn_failures += bool(execution.failures)
    write_down(found, execution)
    check = found.executions % CHECK_AGAIN_EVERY == 1 and not execution.failures
    new = execution.failures and found.failed is None
    if check or new or found.first is None:
        schedule = schedule_of(strategy, execution)
        elsewhere = borne_out_by_threads(runner, execution)
        if elsewhere and differs_on_threads(runner, schedule, execution):
            found.moved = runner.carriers.need
            return True
        if new:
            found.first_failure, found.failed = found.executions, execution
            found.schedule = schedule
        elif not execution.failures:
            found.first = found.first or schedule
            if check and not execution.lost and not elsewhere:
                found.divergence = found.divergence or run_again(runner, schedule)
    return bool(execution.failures or found.lost or execution.divergence is not None)


def schedule_of(strategy: Strategy, execution: Execution) -> Schedule:
    """What replays the execution that ``strategy`` has just made."""
    return record(_name(strategy), kept_choices(execution))


def borne_out_by_threads(runner: Runner, execution: Execution) -> bool:
    """Whether what ``execution`` shows counts only when threads show the same."""
    return execution.pool.on_greenlets and runner.carriers.wanted == "auto"


def differs_on_threads(runner: Runner, schedule: Schedule, execution: Execution) -> bool:
    """With ``auto``, threads bear out what is about to count, and every so many executions."""
    again = runner.replay(schedule)
    one, other = (
        ([failure.identity for failure in each.failures], kept_choices(each), each.steps)
        for each in (execution, again)
    )
    if again.divergence is None and one == other:
        return False
    runner.carriers.need = "an execution went another way on threads than on greenlets"
    return True


def kept_choices(execution: Execution) -> list[tuple[int, int, str]]:
    """The choices that the strategy made: past the step limit nobody chooses."""
    kept = execution.fixed_choices
    return execution.decisions if kept is None else execution.decisions[:kept]


def _name(strategy: Strategy) -> str:
    if isinstance(strategy, Replay):
        return strategy.found_by
    return strategy.current if isinstance(strategy, Portfolio) else strategy.name


def write_down(found: Exploration, execution: Execution) -> None:
    found.most_tasks = max(found.most_tasks, len(execution.tasks))
    found.choices = max(found.choices, len(execution.decisions))
    found.lost.extend(execution.lost)
    found.abandoned.extend(execution.abandoned)
    for task in execution.leftovers:
        born = f", started at {task.born_at}," if task.born_at else ""
        text = f"{task.name} (daemon){born} was still there at the end"
        if text not in found.leftovers:
            found.leftovers.append(text)
    add_new(found.leftovers, execution.left_open)
    add_new(found.uncontrolled, execution.uncontrolled)
    add_new(found.transports, execution.transports)
    found.longest_s = max(found.longest_s, execution.now_s)
    if execution.divergence is not None:
        found.divergence = found.divergence or str(execution.divergence)
    if not execution.failures and not execution.lost:
        found.behaviours.ended()
    daemons_only = execution.leftovers or (execution.cut_off or "").startswith("only daemon")
    if execution.cut_off and not execution.failures and not daemons_only:
        found.cut_off = found.cut_off or execution.cut_off


def add_new(texts: list[str], more: Iterable[str]) -> None:
    """Take up those that are not there yet."""
    texts.extend(text for text in more if text not in texts)


def run_again(runner: Runner, schedule: Schedule) -> str | None:
    """How an execution of a schedule that has passed differs now; None when it does not."""
    again = runner.replay(schedule)
    if again.divergence is not None:
        return str(again.divergence)
    if again.failures:
        other = again.failures[0]
        return f"it passed, and then ended in {other.type} at {other.where}"
    return None


def same_failure(one: TaskFailure | None, other: TaskFailure | None) -> bool:
    """Whether two executions ended in the same failure: kind, type and place."""
    return one is not None and other is not None and one.identity == other.identity
