"""The verdict on a search: confirmed by replays when it failed, scoped in words when it did not."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_racecheck.diagnosis.explain import explain
from pytest_racecheck.diagnosis.minimise import minimise
from pytest_racecheck.diagnosis.odds import odds_of, power_of
from pytest_racecheck.diagnosis.verdict import Failure, Finding, Story, Verdict
from pytest_racecheck.engine.choosing import LATENESS_S
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Exploration, Runner, same_failure
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.make import SEARCHING_MODES
from pytest_racecheck.engine.trace import Trace

#: Strategies that follow one order and search for nothing, and what that order is called.
GIVEN = {"replay": "schedule", "scripted": "script"}


#: How the reason begins when something besides the schedule decides.
DIVERGED = "the same schedule did not give the same execution twice"


def failed_finding(
    runner: Runner, found: Exploration, replays: int, strategy: str, seconds: float
) -> Finding:
    """Replay the failing schedule: *reproduced* only if every replay ends in the same failure."""
    assert found.failed is not None
    assert found.schedule is not None
    first = found.failed.failures[0]
    if found.failed.lost:
        return _lost_finding(found, first)
    schedule, switches = found.schedule, found.failed.preemptions
    shrink = strategy != "replay"
    simple = minimise(runner, schedule, first, seconds if shrink else None)
    if simple is not None:
        schedule, switches = simple.schedule, simple.preemptions
    trace = Trace()
    agreeing, told, why = _replayed(runner, schedule, first, replays, trace)
    why_so = None
    if told is not None and simple is not None and agreeing == replays:
        why_so = explain(runner, simple, told, trace.steps, shrink)
    told = told or found.failed
    finding = Finding(
        Verdict.REPRODUCED,
        f"{agreeing} of {replays} replays end in the same failure",
        None,
        found.executions,
        found.seconds,
        found.first_failure,
        schedule.text(),
        _failure(told.failures[0]),
        (agreeing, replays),
        switches,
        _warnings(found),
        _story(told, trace),
        explanation=why_so,
    )
    return finding if agreeing == replays else _disagreeing(finding, why)


def _disagreeing(finding: Finding, why: str) -> Finding:
    agreeing, replays = finding.replays
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        reason=f"failed once, but only {agreeing} of {replays} replays agree ({why}): "
        "something besides the schedule decides, such as a clock, a random draw or leftover state",
    )


LEFT_BEHIND = (
    "a schedule that passed at first fails now as well: one execution leaves something behind that "
    "the next one meets (leftover state of a module, or of a fixture of a wider scope?); set it up "
    "anew in the body"
)


def unless_all_fails(
    runner: Runner, finding: Finding, passed: Schedule, fails_straight: Callable[[Runner], bool]
) -> Finding:
    """Take *reproduced* back when ``passed``, a schedule that passed at first, now fails too."""
    if finding.verdict is not Verdict.REPRODUCED:
        return finding
    if not runner.replay(passed).failures and not fails_straight(runner):
        return finding
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        reason=LEFT_BEHIND,
    )


def is_left_behind(finding: Finding) -> bool:
    """Whether it failed only because of the executions before; who is suspected is said behind."""
    return finding.reason.startswith(LEFT_BEHIND)


def only_when_cold(finding: Finding, failed: Execution) -> Finding:
    """The first execution failed; if no later one did, that is all that can be said."""
    if finding.verdict is Verdict.REPRODUCED:
        return finding
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        grade=None,
        failure=_failure(failed.failures[0]),
        reason="only the first execution failed, which also imported modules; it cannot be "
        "repeated in this process",
    )


def _replayed(
    runner: Runner, schedule: Schedule, first: TaskFailure, replays: int, trace: Trace
) -> tuple[int, Execution | None, str]:
    """How many replays agree, the traced one if it does, and how the first other one differs."""
    agreeing, told, why = 0, None, ""
    for n in range(replays):
        again = runner.replay(schedule, trace if n == 0 else None)
        if again.divergence is None and again.failures and same_failure(first, again.failures[0]):
            agreeing += 1
            told = again if n == 0 else told
        elif not why:
            why = _departure(again)
    return agreeing, told, why


def _departure(execution: Execution) -> str:
    if execution.divergence is not None:
        return str(execution.divergence)
    if execution.failures:
        other = execution.failures[0]
        return f"one replay ended in {other.type} at {other.where}"
    return "one replay did not fail"


def _lost_finding(found: Exploration, first: TaskFailure) -> Finding:
    """A failure while a task was out of control: perhaps certain, never replayable."""
    return Finding(
        Verdict.INCONCLUSIVE,
        "control was lost, so the schedule cannot be replayed: " + found.lost[0].splitlines()[0],
        None,
        found.executions,
        found.seconds,
        found.first_failure,
        None,
        _failure(first),
        (0, 0),
        None,
        _warnings(found),
    )


def _failure(failure: TaskFailure) -> Failure:
    return Failure(
        failure.kind,
        failure.type,
        failure.message,
        failure.where,
        failure.task,
        failure.waits,
        failure.error,
    )


def _story(execution: Execution, trace: Trace) -> Story:
    switches = set()
    last = 0
    for at, step in enumerate(trace.steps):
        if step.task != last:
            switches.add(at)
            last = step.task
    names = tuple(task.name for task in execution.tasks)
    paths = tuple(task.path for task in execution.tasks)
    return Story(names, paths, tuple(trace.steps), trace.cut, frozenset(switches))


def passed_finding(
    found: Exploration, strategy: str, points: str, mode: str | None = None
) -> Finding:
    """No execution failed: say what was covered, and no more."""
    verdict, grade = Verdict.INCONCLUSIVE, None
    reason = _lack_of_control(found, strategy)
    if reason is None and found.most_tasks < 2:
        reason = "the body started no thread, so there was nothing to interleave"
    elif reason is None and strategy in GIVEN and mode not in SEARCHING_MODES:
        reason = "the one schedule asked for did not fail" + _followed(found)
    elif reason is None and mode == "prefix":
        reason = _behind_the_prefix(found)
    elif reason is None and found.finished and found.grade is not None:
        verdict, grade = Verdict.RULED_OUT, found.grade
        reason = _scope(found, points) + _followed(found)
    elif reason is None:
        grade, reason = "statistical", _sampled(found) + _followed(found)
    return Finding(
        verdict,
        reason,
        grade,
        found.executions,
        found.seconds,
        preemptions=found.preemptions,
        warnings=_warnings(found),
        odds=odds_of(found) if grade == "statistical" else None,
    )


def with_control(finding: Finding, control: str, found: Exploration) -> Finding:
    """A statistical pass, beside what the same search came to with a variant that fails."""
    assert finding.odds is not None
    power = power_of(control, found, finding.odds.drawn)
    reason = finding.reason.replace(NO_POWER, power.sentence())
    return replace(finding, reason=reason, odds=replace(finding.odds, power=power))


def departures_of(found: Exploration, strategy: str) -> dict[str, Any]:
    """The fields of a finding that say how far a given order was followed."""
    followed = found.followed
    if followed is not None:
        left = followed.left or found.divergence
        matched = (followed.matched, followed.total)
        return {"left_schedule": left, "matched": matched, "missed": followed.missed}
    return {"left_schedule": found.divergence if strategy in GIVEN else None}


def _followed(found: Exploration) -> str:
    followed = found.followed
    if followed is None:
        return ""
    text = f"; {followed.matched} of {followed.total} recorded choices matched"
    return text if followed.left is None else f"{text}, the first that did not: {followed.left}"


def _behind_the_prefix(found: Exploration) -> str:
    everything = "all " if found.finished else ""
    return f"no failure in {everything}{found.executions} schedules that begin as the given one"


def _lack_of_control(found: Exploration, strategy: str) -> str | None:
    """Why nothing can be concluded although nothing failed, or None."""
    if found.lost:
        return "control was lost: " + found.lost[0].splitlines()[0]
    if found.divergence and strategy in GIVEN:
        return f"the {GIVEN[strategy]} does not fit this program: {found.divergence}"
    if found.divergence:
        return f"{DIVERGED}: {found.divergence}"
    if found.cut_off:
        return f"an execution did not end: {found.cut_off}; raise max_steps or shorten the body"
    if found.uncontrolled:
        return f"not everything was under control: {found.uncontrolled[0]}"
    return None


_GRANULARITY = {
    "access": "at every synchronisation, and at reads and writes of data in the code under test",
    "sync": "at synchronisation operations only (data accesses were not interleaved)",
}


def _scope(found: Exploration, points: str) -> str:
    which = (
        "every schedule"
        if found.grade == "exhausted"
        else f"every schedule with at most {_preemptions(found)}"
    )
    plural = "" if found.executions == 1 else "s"
    return (
        f"{which} of {found.most_tasks} tasks ({found.executions} execution{plural}) passes; "
        f"tasks were switched {_GRANULARITY[points]}"
        + _reduced(found)
        + _late(found)
        + _over(found)
    )


def _reduced(found: Exploration) -> str:
    """Not every schedule was run where one stands for many."""
    if not found.reduced:
        return ""
    return "; of schedules that differ only in the order of independent operations one was run"


def _late(found: Exploration) -> str:
    """Where time passed, somebody may have used it to wait for another: say what was assumed."""
    if found.longest_s <= LATENESS_S:
        return ""
    return f"; no thread was taken to be more than {LATENESS_S:g} s late"


def _over(found: Exploration) -> str:
    return f"; messages went over {', '.join(found.transports)}" if found.transports else ""


def _preemptions(found: Exploration) -> str:
    return f"{found.preemptions} preemption{'' if found.preemptions == 1 else 's'}"


#: Said of a statistical pass until a variant that fails has been searched in the same way.
NO_POWER = "no power known without a variant that fails"


def _sampled(found: Exploration) -> str:
    text = f"no failure in {found.executions} schedules of {found.most_tasks} tasks; not a proof"
    if found.preemptions is not None:
        text += f" (every schedule with at most {_preemptions(found)} is among them)"
    return f"{text}: {NO_POWER}"


def _warnings(found: Exploration) -> tuple[str, ...]:
    lost = [f"control was lost: {text}" for text in found.lost]
    stuck = [f"abandoned a task that would not end: {text}" for text in found.abandoned]
    moved = [] if found.moved is None else [f"moved from greenlets to threads: {found.moved}"]
    return (*lost, *stuck, *moved, *found.uncontrolled, *found.leftovers, *found.notes)


def traceback_text(error: BaseException) -> str:
    """The traceback of a task's exception, as Python prints it."""
    return "".join(traceback.format_exception(error)).rstrip()


def schedule_of(finding: Finding) -> Schedule | None:
    """The finding's schedule, parsed."""
    return None if finding.schedule is None else Schedule.parse(finding.schedule)
