"""From a body to a finding: control, search, simplify, confirm by replays, give the verdict."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from pytest_racecheck.diagnosis.control import controlled_runner
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
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.diagnosis.riders import hunted, named, riders, watched_again
from pytest_racecheck.diagnosis.suspects import MAX_SECONDS, doubted
from pytest_racecheck.diagnosis.verdict import Finding
from pytest_racecheck.engine.carrier import allocate_gate, raw_acquire, raw_release
from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.explore import Exploration, Runner, search
from pytest_racecheck.engine.recording import Recorder, Recording
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.make import (
    StrategyOptions,
    make_strategy,
)
from pytest_racecheck.engine.strategies.portfolio import Portfolio
from pytest_racecheck.engine.strategies.recorded import Follow
from pytest_racecheck.errors import UsageError
from pytest_racecheck.faults.ledger import counting, refuse_unfired


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

        finding = explore_in_child(body, plan, explore_plan)
    else:
        with _alone(), counting() as ledger:
            finding = _explore_here(body, plan, watch)
        finding = replace(finding, injected=ledger.told())
    if finding.failure is None and not plan.follows_one_order:
        refuse_unfired(finding.injected)
    return finding


def _explore_here(
    body: Callable[[], object], plan: Plan, watch: Callable[[Execution], None] | None
) -> Finding:
    finding = _explore_cold(body, plan, watch)
    if isinstance(finding, Finding):
        return _beside_its_control(finding, plan, watch)
    with controlled_runner(body, plan, watch) as runner:
        begin = _straight(runner, plan)
        passed = None if plan.strategy == "replay" else finding.first
        warm = _explore_warm(runner, plan, begin, passed)
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


def _fails_straight(runner: Runner) -> bool:
    """Whether the schedule without preemptions, which passed at first, fails now.

    Not by its choices: what is left behind may lead elsewhere before it fails.
    """
    straight = make_strategy("exhaustive", StrategyOptions())
    return search(runner, straight, executions=1, seconds=MAX_SECONDS).failed is not None


def _explore_warm(
    runner: Runner, plan: Plan, begin: Exploration, cold: Schedule | None = None
) -> Finding:
    """Search after ``begin``; ``cold`` is the schedule of an execution before it, which passed."""
    done = plan.strategy == "replay" or begin.failed is not None or begin.lost
    if done or begin.most_tasks < 2:
        return _finding(runner, plan, begin, cold if begin.failed is not None else None)
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
        finding = unless_all_fails(runner, finding, passed, _fails_straight)
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
