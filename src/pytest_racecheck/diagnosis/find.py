"""From a body to a finding: control, search, simplify, confirm by replays, give the verdict."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.diagnosis.curve import with_curve
from pytest_racecheck.diagnosis.divided import search_shared
from pytest_racecheck.diagnosis.judgement import (
    GIVEN,
    departures_of,
    failed_finding,
    only_when_cold,
    passed_finding,
    unless_all_fails,
    with_control,
)
from pytest_racecheck.diagnosis.riders import hunted, named, riders, watched_again
from pytest_racecheck.diagnosis.sense import CHECKS, refuse_nonsense
from pytest_racecheck.diagnosis.suspects import doubted
from pytest_racecheck.diagnosis.verdict import Finding
from pytest_racecheck.engine.carrier import allocate_gate, raw_acquire, raw_release
from pytest_racecheck.engine.carriers import CARRIERS, Carriers, refuse_without_greenlets
from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.explore import Exploration, Runner, search
from pytest_racecheck.engine.native_code import of_code
from pytest_racecheck.engine.recording import Recorder, Recording
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.signals import Signals
from pytest_racecheck.engine.strategies.base import Strategy
from pytest_racecheck.engine.strategies.make import (
    SEARCHING_MODES,
    StrategyOptions,
    make_strategy,
)
from pytest_racecheck.engine.strategies.portfolio import Portfolio
from pytest_racecheck.engine.strategies.recorded import Follow
from pytest_racecheck.engine.under_test import UnderTest, gates_inserted
from pytest_racecheck.engine.verbs import switch
from pytest_racecheck.engine.watching import Watch
from pytest_racecheck.errors import UsageError
from pytest_racecheck.probes.points import listen

POINTS = ("access", "sync")
RACES = ("off", "report")
DEFAULT_EXECUTIONS = 1000
DEFAULT_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """How a body is explored; every field is an argument of ``explore``."""

    strategy: str = "portfolio"
    executions: int = DEFAULT_EXECUTIONS
    seconds: float = DEFAULT_SECONDS
    points: str = "access"
    control: Sequence[str] = ()
    seed: int = 0
    preemptions: int | None = None
    depth: int | Sequence[int] | None = None
    positive_control: Callable[[], object] | None = None
    script: Sequence[str] | None = None
    schedule: str | None = None
    mode: str | None = None
    upto: int | None = None
    then: str | None = None
    recording: Recording | None = None
    replays: int = 3
    patience_s: float = 2.0
    max_steps: int = 20_000
    workers: int | str = 1
    isolate: bool = False
    record: bool = False
    curve: bool = False
    races: str = "off"
    carrier: str = "auto"
    root: str = field(default_factory=os.getcwd)

    def checked(self) -> Plan:
        """Return the plan, or raise UsageError for a value that makes no sense."""
        if self.points not in POINTS:
            raise UsageError(f"points={self.points!r}: expected one of {', '.join(POINTS)}")
        if self.races not in RACES:
            raise UsageError(f"races={self.races!r}: expected one of {', '.join(RACES)}")
        refuse_nonsense({name: getattr(self, name) for name in CHECKS})
        if self.carrier not in CARRIERS:
            raise UsageError(f"carrier={self.carrier!r}: expected one of {', '.join(CARRIERS)}")
        if self.carrier == "greenlets":
            refuse_without_greenlets()
        if self.control:
            UnderTest(self.root, (), tuple(self.control))  # refuses a name that is no module
        self.make_strategy()
        if self.isolate and self.positive_control is not None:
            raise UsageError("isolate=True ignores positive_control: leave one of the two out")
        return self

    def make_strategy(self) -> Strategy:
        """A fresh strategy of this plan."""
        names = StrategyOptions.__dataclass_fields__
        options = StrategyOptions(**{name: getattr(self, name) for name in names})
        return make_strategy(self.strategy, options)

    @property
    def follows_one_order(self) -> bool:
        """Whether one schedule is asked for, and not a search."""
        return self.strategy in GIVEN and self.mode not in SEARCHING_MODES


def explore(body: Callable[[], object], **plan: object) -> Finding:
    """Run ``body`` under many schedules and say what that shows.

    Keyword arguments are the fields of ``Plan``: ``strategy``, ``executions``, ``seconds``,
    ``points`` ("access" or "sync"), ``control`` (names of further modules under test), ``seed``,
    ``preemptions`` (for "bounded"), ``depth`` (for "pct"; one or several), ``script``,
    ``schedule``, ``positive_control`` (a body that fails, to measure what this search would have
    found), ``replays``, ``patience_s``, ``max_steps``, ``workers`` (processes that share the
    search, or "auto"), ``isolate`` (in a child process), ``record`` (keep with the finding what its
    schedule passed through), ``races`` ("off" or "report"), ``carrier`` ("auto", "threads" or
    "greenlets"), and those of ``replay``.  Raises UsageError for wrong arguments, and whatever
    stops a whole test (KeyboardInterrupt, a pytest skip).
    """
    return explore_plan(body, _plan(plan))


def replay(body: Callable[[], object], schedule: str, **plan: object) -> Finding:
    """Run ``body`` along the schedule of a report; ``inconclusive`` when the program leaves it.

    ``mode`` is "exact" (stop where it is left), "tolerant" (go on by task, and by operation when
    ``recording`` is given), "prefix" (``upto`` choices of it, then the strategy ``then``) or
    "around" (tolerant, then each switch moved a little, then every schedule with at most
    ``preemptions`` preemptions).  ``left_schedule`` of the finding says where it was left.
    """
    return explore_plan(body, _plan({**plan, "strategy": "replay", "schedule": schedule}))


def _plan(given: dict[str, object]) -> Plan:
    unknown = set(given) - set(Plan.__dataclass_fields__)
    if unknown:
        known = ", ".join(Plan.__dataclass_fields__)
        raise UsageError(f"unknown argument {sorted(unknown)[0]!r}: expected one of {known}")
    return Plan(**given).checked()  # type: ignore[arg-type]


def explore_plan(
    body: Callable[[], object], plan: Plan, watch: Callable[[Execution], None] | None = None
) -> Finding:
    """Explore as ``plan`` says; ``watch`` is called with each execution before it begins."""
    if controlled() is not None:
        raise UsageError(
            "explore() was called inside a body that is being explored; call it outside"
        )
    _check_body(body)
    if plan.isolate:
        from pytest_racecheck.diagnosis.isolation import explore_in_child

        return explore_in_child(body, plan, explore_plan)
    with _alone():
        finding = _explore_cold(body, plan, watch)
        if isinstance(finding, Finding):
            return _beside_its_control(finding, plan, watch)
        with controlled_runner(body, plan, watch) as runner:
            warm = _explore_warm(runner, plan, _straight(runner, plan))
        warm = _beside_its_control(warm, plan, watch)
    return warm if finding.failed is None else only_when_cold(warm, finding.failed)


def _beside_its_control(
    finding: Finding, plan: Plan, watch: Callable[[Execution], None] | None
) -> Finding:
    """Search the positive control as its test was searched, failures or not."""
    control, odds = plan.positive_control, finding.odds
    if control is None or odds is None:
        return finding
    _check_body(control)
    found = Exploration()
    if odds.drawn:  # else nothing could be said
        with controlled_runner(control, plan, watch) as runner:
            _straight(runner, plan)  # imports what it imports
            strategy, seconds = plan.make_strategy(), plan.seconds
            if isinstance(strategy, Portfolio):
                strategy.only_draws = True
            found = search(runner, strategy, executions=odds.drawn, seconds=seconds, go_on=True)
    return with_control(finding, _name_of(control), found)


def _name_of(body: object) -> str:
    while isinstance(body, partial) and not hasattr(body, "__name__"):
        body = body.func
    return str(getattr(body, "__name__", type(body).__name__))


def _check_body(body: object) -> None:
    if not callable(body):
        raise UsageError(f"the body must be something to call, got {body!r:.60}")
    if inspect.iscoroutinefunction(body) or inspect.isgeneratorfunction(body):
        raise UsageError(
            f"calling {getattr(body, '__name__', body)} runs nothing: it is a coroutine or "
            "generator function; give a function that runs it, for instance with asyncio.run"
        )


_exploring = allocate_gate()


@contextmanager
def _alone() -> Iterator[None]:
    """What control replaces belongs to the whole process, so there is one search at a time."""
    if not raw_acquire(_exploring, False):
        raise UsageError(
            "another thread is exploring a body in this process; explore one after the other"
        )
    try:
        yield
    finally:
        raw_release(_exploring)


def _explore_cold(
    body: Callable[[], object], plan: Plan, watch: Callable[[Execution], None] | None
) -> Finding | Exploration:
    """The finding, or the first execution when the next ones will not be like it.

    It may have imported modules, which are to be under control as well, or filled caches.
    """
    loaded = len(sys.modules)
    with controlled_runner(body, plan, watch) as runner:
        begin = _straight(runner, plan)
        imported = len(sys.modules) != loaded and not begin.lost
        left = plan.strategy == "replay" and begin.divergence is not None
        return begin if imported or left else _explore_warm(runner, plan, begin)


def _straight(runner: Runner, plan: Plan) -> Exploration:
    """The one schedule to replay, or the one without preemptions; once more when that failed."""
    if plan.strategy == "replay":
        executions = 1 if plan.follows_one_order else plan.executions
        return search(runner, plan.make_strategy(), executions=executions, seconds=plan.seconds)
    straight = make_strategy("exhaustive", StrategyOptions())
    begin = search(runner, straight, executions=1, seconds=plan.seconds)
    if begin.failed is None or begin.lost:
        return begin
    straight = make_strategy("exhaustive", StrategyOptions())
    again = search(runner, straight, executions=1, seconds=plan.seconds)
    return again if again.failed is not None and not again.lost else begin


def _explore_warm(runner: Runner, plan: Plan, begin: Exploration) -> Finding:
    done = plan.strategy == "replay" or begin.failed is not None or begin.lost
    if done or begin.most_tasks < 2:
        return _finding(runner, plan, begin, None)
    strategy = plan.make_strategy()
    found = search_shared(
        runner,
        strategy,
        plan.workers,
        executions=plan.executions,
        seconds=plan.seconds,
        patience_s=plan.patience_s,
    )
    found.uncontrolled[:0] = [one for one in begin.uncontrolled if one not in found.uncontrolled]
    return _finding(runner, plan, found, begin.first)


def _finding(runner: Runner, plan: Plan, found: Exploration, passed: Schedule | None) -> Finding:
    if plan.strategy not in GIVEN:
        found = hunted(runner, found, plan.seed, plan.seconds)
    runner.watch.end()
    departures = {
        **departures_of(found, plan.strategy),
        **riders(runner.watch, found),
        "carrier": runner.carriers.told,
    }
    if found.failed is None or found.schedule is None:
        finding = passed_finding(found, plan.strategy, plan.points, plan.mode)
        return doubted(runner, replace(finding, **departures), found, passed)
    finding = failed_finding(runner, found, plan.replays, plan.strategy, plan.seconds)
    if passed is not None:
        finding = unless_all_fails(runner, finding, passed)
    finding = doubted(runner, replace(finding, **departures), found, passed)
    finding = named(watched_again(runner, found, finding))
    if plan.record and finding.schedule is not None:
        finding = replace(finding, recording=_recorded(runner, finding.schedule, plan.root))
    if plan.curve:
        finding = with_curve(runner, finding, plan.seed)
    return finding


def _recorded(runner: Runner, schedule: str, root: str) -> Recording | None:
    """What the schedule passes through; None when it does not end as it did."""
    recorder = Recorder(Follow(Schedule.parse(schedule)), root)
    execution = runner.execute(recorder)
    if execution.divergence is not None or not execution.failures:
        return None
    return Recording(schedule, tuple(recorder.moves))


@contextmanager
def controlled_runner(
    body: Callable[[], object], plan: Plan, watch: Callable[[Execution], None] | None = None
) -> Iterator[Runner]:
    """The control that a search runs under, for who wants to count executions one by one.

    Each ``execute`` of the runner is exactly one execution; nothing is repeated or simplified.
    """
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        under_test = UnderTest(plan.root, _files_of(body), tuple(plan.control))
        if _sees_data(plan):
            stack.enter_context(gates_inserted(under_test))
        threads = stack.enter_context(control_threads())
        stack.callback(listen, listen(lambda name: switch("pass", f"probe {name!r}")))
        world = stack.enter_context(_zeromq() if "zmq" in sys.modules else nullcontext())
        runner: Runner

        def before(execution: Execution) -> None:
            threads.before()
            execution.records_only = plan.points == "sync"
            if world is not None:
                execution.clocks = {}
            if watch is not None and not runner.forked:
                watch(execution)

        def after(execution: Execution) -> None:
            if world is not None:
                _look_at_messages(execution, world)
            if threads.after(execution):
                runner.retire_carriers()

        runner = Runner(
            body,
            max_steps=plan.max_steps,
            patience_s=plan.patience_s,
            before=before,
            after=after,
            signals=signals,
        )
        runner.watch = Watch(lock_order=True, races=plan.races != "off")
        runner.carriers = _carriers(plan, under_test, _files_of(body))
        stack.enter_context(runner.ready())
        yield runner


def _carriers(plan: Plan, under_test: UnderTest, files: Sequence[str]) -> Carriers:
    need = None
    if plan.carrier == "auto":
        # A child that crashes tells which of its threads it was.
        need = "the body may crash" if plan.isolate else of_code(files, under_test.covers)
    return Carriers(plan.carrier, need)


def _sees_data(plan: Plan) -> bool:
    """Whether reads and writes are to be seen, also where they are no scheduling points."""
    return plan.points == "access" or plan.strategy == "exhaustive" or plan.races != "off"


def _files_of(body: Callable[[], object]) -> tuple[str, ...]:
    """Where the body is written; a body that only calls another one says so itself."""
    named: tuple[str, ...] | None = getattr(body, "files_under_test", None)
    if named is not None:
        return named
    while isinstance(body, partial):
        body = body.func
    call = body if hasattr(body, "__code__") else getattr(body, "__func__", type(body).__call__)
    code = getattr(call, "__code__", None)
    return () if code is None else (code.co_filename,)


def _look_at_messages(execution: Execution, world: Any) -> None:
    for text in world.end_of_execution(bool(execution.failures)):
        swallowed = text.startswith("the body swallowed it")
        (execution.uncontrolled if swallowed else execution.left_open).append(text)
    used = world.transports_used()
    execution.transports = tuple(
        f"{u.transport} ({'exact' if u.exact else 'settled'})" for u in used
    )
    execution.uncontrolled.extend(f"{u.transport} did not settle" for u in used if not u.settled)


@contextmanager
def _zeromq() -> Iterator[Any]:
    from pytest_racecheck.adapters.zeromq import control_zeromq

    with control_zeromq() as world:
        yield world


def with_schedule(plan: Plan, text: str) -> Plan:
    """The plan that replays ``text``; raises UsageError when it is no replay text."""
    Schedule.parse(text)
    bound = plan.preemptions if plan.mode == "around" else None
    return replace(
        plan, strategy="replay", schedule=text, preemptions=bound, depth=None, script=None
    )
