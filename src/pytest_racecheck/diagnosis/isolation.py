"""Explores a body in a child process, so that one that crashes, exits or hangs is a finding.

The child searches as ever.  If it dies, its last execution is the failure: the schedule is in the
memory shared with it, and is confirmed by replays, each in a child of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from pytest_racecheck.diagnosis.alarm import Alarm
from pytest_racecheck.diagnosis.forked import Ended, Outputs, run_forked
from pytest_racecheck.diagnosis.mirror import Mirror
from pytest_racecheck.diagnosis.plan import Plan, with_schedule
from pytest_racecheck.diagnosis.verdict import Failure, Finding, Story, Verdict
from pytest_racecheck.diagnosis.wire import (
    ToldTrace,
    pack_finding,
    pack_stop,
    raise_stop,
    read_story,
    unpack_finding,
)
from pytest_racecheck.engine import watchdog
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.failure import is_internal, is_ours, place
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.free.outcome import last_line

#: Said when several were asked for.
ONE_CHILD = (
    "one process made the search: with isolate=True it must be known which execution it died of"
)
_SIMPLER_EXECUTIONS, _SIMPLER_SECONDS = 300, 2.0
_TAIL_LINES = 12
_FRAME = re.compile(r'File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)')
_LAST_WORDS = re.compile(r"^  (?P<place>\S+:\d+) in ", re.MULTILINE)
_THREAD = re.compile(r"^(?=(?:Current thread|Thread) 0x)", re.MULTILINE)

Explore = Callable[[Callable[[], object], Plan, Callable[[Execution], None]], Finding]


@dataclass(frozen=True, slots=True)
class _Run:
    """One child: how it ended, and what it had chosen."""

    ended: Ended
    mirror: Mirror
    seconds: float

    @property
    def death(self) -> tuple[str, str] | None:
        """Kind and type of the failure that the child died of; None when it said a finding."""
        ended = self.ended
        if ended.message is not None:
            return None
        if ended.stopped is not None or self.gave_up:
            return "hang", "Hang"
        return "crash", ended.signal or f"Exit {ended.status}"

    @property
    def gave_up(self) -> bool:
        """Whether the child's own watchdog ended it, saying so."""
        return self.ended.status == watchdog.GIVEN_UP and watchdog.GIVING_UP in self.ended.stderr


def explore_in_child(body: Callable[[], object], plan: Plan, explore_plan: Explore) -> Finding:
    """What ``explore_plan(body, plan, watch)`` finds in a child, or how that died.

    Raises what stops the test (a skip, an exit, UsageError) as it would without a child.
    """
    inner = replace(plan, isolate=False, workers=1)
    run = _run(body, inner, explore_plan)
    if run.ended.message is None:
        finding = _crash_finding(body, inner, explore_plan, run)
    else:
        raise_stop(run.ended.message)
        finding = unpack_finding(run.ended.message)
    if plan.workers != 1:
        finding = replace(finding, warnings=(*finding.warnings, ONE_CHILD))
    if finding.failure is None or run.ended.message is None:
        return finding
    return replace(finding, stdout=run.ended.stdout, stderr=run.ended.stderr)


def _run(body: Callable[[], object], plan: Plan, explore_plan: Explore, told: bool = False) -> _Run:
    mirror = Mirror(plan.max_steps)

    def work(story_fd: int, outputs: Outputs) -> dict[str, object]:
        def watch(execution: Execution) -> None:
            outputs.forget()
            mirror.begin(execution)
            if told:
                execution.trace = ToldTrace(story_fd)

        watchdog.say_last_words = watchdog.to_stderr
        watchdog.last_resort = 1
        mirror.beat()
        try:
            return pack_finding(explore_plan(body, plan, watch))
        except BaseException as error:  # noqa: BLE001 - the parent raises it
            return pack_stop(error)

    begun = time.monotonic()
    signs = Alarm(lambda: (mirror.read("beats"), mirror.progress()), plan.patience_s, plan.seconds)
    ended = run_forked(work, signs)
    return _Run(ended, mirror, time.monotonic() - begun)


# --- the child died ---------------------------------------------------------------------------


def _crash_finding(
    body: Callable[[], object], plan: Plan, explore_plan: Explore, first: _Run
) -> Finding:
    simplest = first if plan.strategy == "replay" else _simpler(body, plan, explore_plan, first)
    strategy = "exhaustive" if simplest is not first else plan.strategy
    schedule = simplest.mirror.schedule(strategy)
    runs: list[_Run] = []
    for n in range(plan.replays):
        replayed = with_schedule(plan, schedule.text())
        runs.append(_run(body, replayed, explore_plan, told=n == 0))
    agreeing = sum(run.death == first.death for run in runs)
    told = runs[0] if runs and runs[0].death == first.death else simplest
    return _as_finding(first, told, schedule, simplest.mirror.read("preemptions"), agreeing, runs)


def _simpler(body: Callable[[], object], plan: Plan, explore_plan: Explore, first: _Run) -> _Run:
    """The same death with fewer preemptions, if a short search finds it."""
    fewest = first.mirror.read("preemptions")
    if fewest == 0 or first.death == ("hang", "Hang"):
        return first
    narrow = replace(
        plan,
        strategy="bounded",
        preemptions=fewest - 1,
        executions=_SIMPLER_EXECUTIONS,
        seconds=min(plan.seconds, _SIMPLER_SECONDS),
        depth=None,
        script=None,
    )
    found = _run(body, narrow, explore_plan)
    return found if found.death == first.death else first


def _as_finding(
    first: _Run,
    told: _Run,
    schedule: Schedule,
    preemptions: int,
    agreeing: int,
    runs: list[_Run],
) -> Finding:
    story, tasks = read_story(told.ended.story)
    verdict, reason = Verdict.REPRODUCED, f"{agreeing} of {len(runs)} replays end in the same way"
    if agreeing < len(runs):
        verdict = Verdict.INCONCLUSIVE
        reason = (
            f"failed once, but only {agreeing} of {len(runs)} replays agree "
            f"({_departure(runs, first)}): something besides the schedule decides, such as "
            "memory, a clock or a random draw"
        )
    executions = first.mirror.read("executions")
    return Finding(
        verdict,
        reason,
        executions=executions,
        seconds=first.seconds,
        first_failure=executions,
        schedule=schedule.text(),
        failure=_failure(told, story, tasks),
        replays=(agreeing, len(runs)),
        preemptions=preemptions,
        story=story,
        stdout=told.ended.stdout,
        stderr=told.ended.stderr,
    )


def _departure(runs: list[_Run], first: _Run) -> str:
    other = next(run for run in runs if run.death != first.death)
    if other.death is not None:
        return f"one replay ended in {other.death[1]}"
    return "one replay did not die"


def _failure(run: _Run, story: Story | None, tasks: dict[int, str]) -> Failure:
    assert run.death is not None
    kind, name = run.death
    stack = _stack_to_blame(run)
    where, task = users_line(stack), tasks.get(_thread_of(stack), "")
    if run.gave_up:
        where = (_LAST_WORDS.findall(run.ended.stderr) or [""])[-1]
    if story is not None:
        step = story.steps[-1]
        task = task or story.paths[step.task]
        where = where or (place(step.filename, step.line) if step.filename else "")
    message = _message(run)
    text = "\n".join([message, *_tail(run.ended.stderr), *_shown(stack)])
    return Failure(kind, name, message, where or "unknown", task or "main", text=text)


def _message(run: _Run) -> str:
    ended = run.ended
    if ended.stopped is not None:
        return f"{ended.stopped}; the process was killed"
    if run.gave_up:
        return "native code held the test body for ever; the process was ended"
    if ended.signal is None:
        return f"the process left with status {ended.status} by a native exit"
    said = last_line(ended.stderr)
    return f"the process died of {ended.signal}" + (f": {said}" if said else "")


def _tail(text: str) -> list[str]:
    return [f"  {line}" for line in text.rstrip().splitlines()[-_TAIL_LINES:]]


def _stack_to_blame(run: _Run) -> str:
    """Of faulthandler's stacks the one that crashed, or that is in nobody's gate."""
    threads = [text for text in _THREAD.split(run.ended.stacks) if _frames(text)]
    crashed = [text for text in threads if text.startswith("Current") and run.ended.signal]
    busy = [text for text in threads if not is_ours(_frames(text)[0].file)]
    return next(iter(crashed or busy), "")


def _thread_of(stack: str) -> int:
    found = re.search(r"hread 0x([0-9a-f]+)", stack)
    return int(found[1], 16) if found else 0


class _Frame(NamedTuple):
    file: str
    line: int
    function: str


def _frames(stack: str) -> list[_Frame]:
    """The frames as faulthandler lists them, innermost first."""
    found = _FRAME.finditer(stack)
    return [_Frame(each["file"], int(each["line"]), each["function"]) for each in found]


def users_line(stack: str) -> str:
    """The innermost line of the user in faulthandler's stacks; empty where there is none."""
    frames = _frames(stack)
    return next((place(f.file, f.line) for f in frames if not is_internal(f.file)), "")


def _shown(stack: str) -> list[str]:
    """The stack without our own frames, and without how the thread was started."""
    frames = [frame for frame in _frames(stack) if not is_ours(frame.file)]
    while frames and is_internal(frames[-1].file):
        frames.pop()
    return [f"  {place(frame.file, frame.line)} in {frame.function}" for frame in reversed(frames)]
