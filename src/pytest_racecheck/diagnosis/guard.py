"""A guard: a race that was there once, in a file to commit, and the check that it stays away.

The schedule alone would say little after a fix, because a fix changes the operations.  So the guard
is followed tolerantly, each switch is moved a little, and then every schedule with as many
preemptions is run.  Where the code has moved too far for that, the guard says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pytest_racecheck.diagnosis.find import explore_plan
from pytest_racecheck.diagnosis.passage import at_the_switches, digests, functions_of
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.diagnosis.safe_file import read_object
from pytest_racecheck.diagnosis.verdict import Finding, Verdict
from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.errors import UsageError

KEY, VERSION = "racecheck guard", 1
#: More preemptions than this are not searched for: their number grows too fast.
MOST_PREEMPTIONS = 2
EXECUTIONS = 2000
#: Where no more than this share of what was recorded is met, a guard proves nothing.
ENOUGH = 0.5


class State(StrEnum):
    """What a guard says."""

    HOLDS = "holds"
    BACK = "back"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Guard:
    """What a guard file has.

    Once it was verified on fixed code: ``matched`` choices and all operations but ``missed`` were
    met there, and ``fixed`` are the digests of its functions.
    """

    path: Path
    test: str
    failure: dict[str, str]
    recording: Recording
    functions: dict[str, str]
    preemptions: int = 1
    executions: int = EXECUTIONS
    points: str = "access"
    control: tuple[str, ...] = ()
    matched: int | None = None
    fixed: dict[str, str] = field(default_factory=dict)
    missed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file, without its ending."""
        return self.path.stem

    def as_json(self) -> dict[str, Any]:
        """What stands in the file."""
        fixed = {} if self.matched is None else {
            "matched": self.matched, "missed": list(self.missed), "functions": self.fixed,
        }  # fmt: skip
        return {
            KEY: VERSION,
            "test": self.test,
            "failure": self.failure,
            "around": {"preemptions": self.preemptions, "executions": self.executions},
            "points": self.points,
            "control": list(self.control),
            "functions": self.functions,
            "fixed": fixed,
            "recording": self.recording.as_json(),
        }


def read_guard(path: Path) -> Guard:
    """The guard in ``path``; raises UsageError in one sentence for anything else."""
    return guard_from(path, read_object(path, KEY, VERSION))


def guard_from(path: Path, data: dict[str, Any]) -> Guard:
    """The guard that ``data`` describes, to be kept in ``path``; raises UsageError."""
    try:
        around, fixed = data["around"], data["fixed"]
        return Guard(
            path,
            _text(data["test"]),
            _texts({"kind": "", "type": "", **_texts(data["failure"])}),
            Recording.of_json(data["recording"]),
            _texts(data["functions"]),
            _whole(around["preemptions"], 0, 9),
            _whole(around["executions"], 1, 1_000_000),
            _text(data["points"]),
            tuple(_text(name) for name in data["control"]),
            _whole(fixed["matched"], 0, 10**9) if fixed else None,
            _texts(fixed["functions"]) if fixed else {},
            tuple(_text(one) for one in fixed["missed"]) if fixed else (),
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise UsageError(f"{path} is damaged: {error!s:.200}") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 10_000:
        raise ValueError(f"a text was expected, not {value!r:.40}")
    return value


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {value!r:.40}")
    return {_text(name): _text(inner) for name, inner in value.items()}


def _whole(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"a whole number was expected, not {value!r:.40}")
    return value


def guard_of(finding: Finding, plan: Plan, test: str, path: Path) -> Guard:
    """The guard of a failure that was reproduced; UsageError where there is nothing to keep."""
    recording, failure = finding.recording, finding.failure
    if finding.verdict is not Verdict.REPRODUCED or recording is None or failure is None:
        raise UsageError(f"{test} is not reproduced here, so there is no race to keep away")
    functions = functions_of(recording, Path(plan.root))
    bound = min(max(finding.preemptions or 0, 1), MOST_PREEMPTIONS)
    told = {"kind": failure.kind, "type": failure.type, "where": failure.where}
    return Guard(
        path, test, told, recording, functions, bound, points=plan.points,
        control=tuple(plan.control),
    )  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """What a guard says now, in a sentence; ``finding`` is that of the search around it."""

    guard: Guard
    state: State
    sentence: str
    finding: Finding


def verified(checked: Checked, root: Path) -> Guard:
    """The guard with what the code of now has met, to compare later code with."""
    guard = checked.guard
    fixed = digests(sorted(guard.functions), root)
    finding = checked.finding
    return replace(guard, matched=finding.matched[0], missed=finding.missed, fixed=fixed)


def check(body: Callable[[], object], plan: Plan, guard: Guard) -> Checked:
    """Follow the guard's schedule, search around it, and say whether the race stays away."""
    around = replace(
        plan,
        strategy="replay",
        mode="around",
        schedule=None,
        recording=guard.recording,
        preemptions=guard.preemptions,
        executions=guard.executions,
        points=guard.points,
        control=guard.control,
        depth=None,
        script=None,
    )
    finding = explore_plan(body, around)
    return Checked(guard, *_state(guard, finding, Path(plan.root)), finding)


def _state(guard: Guard, finding: Finding, root: Path) -> tuple[State, str]:
    named = f"guard {guard.name!r}"
    failure = finding.failure
    if failure is not None and finding.verdict is Verdict.REPRODUCED:
        same = (failure.kind, failure.type) == (guard.failure["kind"], guard.failure["type"])
        what = "the race is back" if same else "the guarded test fails, otherwise than it used to"
        return State.BACK, f"{named}: {what}: {failure.type} at {failure.where}"
    if failure is not None:
        return State.UNSURE, f"{named}: it failed, but cannot be repeated: {finding.reason}"
    if finding.grade is None:
        return State.UNSURE, f"{named}: {finding.reason}"
    moved = _moved_too_far(guard, finding, root)
    if moved is not None:
        return State.UNSURE, f"{named}: the code has moved too far: {moved}; record it anew"
    return State.HOLDS, f"{named} holds: {finding.reason}"


def _moved_too_far(guard: Guard, finding: Finding, root: Path) -> str | None:
    """Why following the old schedule says nothing any more; None when it does."""
    known = guard.fixed or guard.functions
    now = digests(sorted(guard.functions), root)
    if now == known:
        return None
    racing = at_the_switches(guard.recording)
    functions = set(racing.values()) & set(known)
    if functions and not functions & set(now):
        return f"{', '.join(sorted(functions))} is not there any more"
    expected_here = [text for text in racing if text not in guard.missed]
    gone = [text for text in expected_here if text in finding.missed]
    if expected_here and len(gone) >= ENOUGH * len(expected_here):
        return f"it does not {', '.join(gone)} any more"
    matched, total = finding.matched
    expected = total if guard.matched is None else guard.matched
    if matched < ENOUGH * expected:
        return f"{matched} of {total} recorded choices matched, {expected} did when it was written"
    return None
