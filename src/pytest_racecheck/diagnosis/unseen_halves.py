"""The same kinds of race where a half of them is no step of its own, or lies further off.

``if work:`` is no operation on the list, a loop goes on reading, an event that was set is cleared:
here the source lines and the other steps say what the critical pair alone does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from linecache import getline

from pytest_racecheck.diagnosis.case import (
    Case,
    Named,
    apart,
    is_question,
    same_variable,
    spot,
    steps_between,
    valued,
)
from pytest_racecheck.diagnosis.causes import BLOCKED, shared
from pytest_racecheck.engine.trace import Step

_CHANGED_MEANWHILE = re.compile(r"(changed size|keys changed|mutated) during iteration")
_GUARD = re.compile(r"\s*(if|elif|while)\b(.*)")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def _read_twice(case: Case) -> Named | None:
    """One variable, read on two lines, and written by another in between."""
    for one in case.critical:
        first, between, then = one.first, one.between, one.then
        if first is None or first.task != case.failed or first.line == then.line:
            continue
        if (first.label, between.label, then.label) != ("read", "write", "read"):
            continue
        if same_variable(first, between, then) and not is_question(first):
            return (
                "torn read",
                f"{case.name(first.task)} read {valued(first)} at {spot(first)} and "
                f"{valued(then)} at {spot(then)}; {case.name(between.task)} wrote it in "
                f"between, at {spot(between)}",
            )
    return None


def _read_half_written(case: Case) -> Named | None:
    """A task reads two variables of which another has written one, and writes the other later."""
    for one in case.critical:
        written, read = one.between, one.then
        if one.first is not None or (written.label, read.label) != ("write", "read"):
            continue
        stale = [s for s in _beside(case, read) if s.label == "read" and apart(s, read)]
        for later in _goes_on(case, written, after=read):
            old = next((s for s in stale if same_variable(s, later)), None)
            if old is not None:
                writer, reader = case.name(written.task), case.name(read.task)
                return (
                    "torn read",
                    f"{reader} read {valued(read)} at {spot(read)} and {valued(old)} at "
                    f"{spot(old)}, between the two writes of {writer} at {spot(written)} "
                    f"and {spot(later)}",
                )
    return None


def _read_before_the_rest(case: Case) -> Named | None:
    """The same told from the other side: the second write comes too late for the reader."""
    for one in case.critical:
        old, later = one.between, one.then
        if one.first is not None or (old.label, later.label) != ("read", "write"):
            continue
        if old.task != case.failed or not same_variable(old, later):
            continue
        begun = [s for s in _beside(case, later) if s.label == "write" and s.line < later.line]
        for new in (s for s in _beside(case, old) if s.label == "read" and apart(s, old)):
            written = next((s for s in begun if same_variable(s, new)), None)
            if written is not None and any(s is new for s in _after(case, written)):
                return (
                    "torn read",
                    f"{case.name(old.task)} read {valued(new)} at {spot(new)} and {valued(old)} at "
                    f"{spot(old)}, between the two writes of {case.name(later.task)} at "
                    f"{spot(written)} and {spot(later)}",
                )
    return None


def _after(case: Case, step: Step) -> list[Step]:
    steps = list(case.steps)
    return steps[next(n for n, other in enumerate(steps) if other is step) :]


def _beside(case: Case, step: Step) -> list[Step]:
    """Steps of the same task in the same function."""
    return [s for s in case.steps if s.task == step.task and s.function == step.function]


def _goes_on(case: Case, written: Step, after: Step) -> Iterator[Step]:
    """What the writer writes after ``after`` in the same pass through its function."""
    for step in _after(case, after):
        if step.task == written.task and step.function == written.function:
            if step.line <= written.line:
                return
            if step.label == "write" and apart(step, written):
                yield step


def _changed_while_iterating(case: Case) -> Named | None:
    """Python itself says so; who changed it is what is missing."""
    if not _CHANGED_MEANWHILE.search(case.failure.message):
        return None
    for one in case.critical:
        for reader, writer in ((one.between, one.then), (one.then, one.between)):
            if reader.task == case.failed and writer.label == "write" and shared(reader, writer):
                return (
                    "torn read",
                    f"{case.name(reader.task)} went through what {case.name(writer.task)} changed "
                    f"meanwhile, at {spot(reader)} and {spot(writer)}",
                )
    return None


def _guarded(case: Case) -> Named | None:
    """An operation fails that the line around it asked about; another task's came in between."""
    if case.failure.kind != "exception":
        return None
    for one in case.critical:
        act, between = one.then, one.between
        if act.task != case.failed or spot(act) != case.failure.where:
            continue
        guard = _guard_of(act)
        if guard and between.label != "read" and shared(between, act):
            return (
                "check-then-act",
                f"{case.name(act.task)} asked {guard[1]!r} at line {guard[0]}, "
                f"{case.name(between.task)} changed {_plain(act)} at {spot(between)}, and "
                f"{case.name(act.task)} acted at {spot(act)} on the answer",
            )
    return None


def _guard_of(act: Step) -> tuple[int, str] | None:
    """The nearest line around ``act`` that asks about what it touches."""
    indent = _indent(getline(act.filename, act.line))
    names = _IDENTIFIER.findall(_plain(act))
    for line in range(act.line - 1, act.first_line, -1):
        text = getline(act.filename, line)
        if text.strip() and _indent(text) < indent:
            indent = _indent(text)
            found = _GUARD.match(text)
            if found and names and names[-1] in _IDENTIFIER.findall(found[2]):
                return line, text.strip().rstrip(":")
    return None


def _not_asked_again(case: Case) -> Named | None:
    """Woken from a wait that a mere ``if`` stands before, by something that is gone by then."""
    if case.failure.kind != "exception":
        return None
    own = [s for s in case.steps if s.task == case.failed]
    for wait, act in pairwise(own):
        if not wait.label.endswith(".wait") or spot(act) != case.failure.where:
            continue
        before = getline(wait.filename, wait.line - 1)
        took = [s for s in steps_between(case, own[0], act, "write") if shared(s, act)]
        if _GUARD.match(before) and not before.strip().startswith("while") and took:
            return (
                "check-then-act",
                f"{case.name(act.task)} asked {before.strip().rstrip(':')!r} and waited at "
                f"{spot(wait)}; what it was woken for was taken by {case.name(took[-1].task)} "
                f"at {spot(took[-1])}, and it acted at {spot(act)} without asking again",
            )
    return None


def _cleared(case: Case) -> Named | None:
    """An event was set, cleared by one who had not seen that, and is waited for."""
    for stuck in case.steps:
        if stuck.choice != BLOCKED or not stuck.label.endswith("Event.wait of"):
            continue
        about = [s for s in case.steps if s.target == stuck.target and s.label.startswith("Event.")]
        told = [s for s in about if s.label in ("Event.set", "Event.clear")]
        if len(told) > 1 and [s.label for s in told[-2:]] == ["Event.set", "Event.clear"]:
            put, clear = told[-2:]
            if put.task != clear.task and case.critical:
                return (
                    "lost wake-up",
                    f"{case.name(put.task)} set {_plain(put)} at {spot(put)}, "
                    f"{case.name(clear.task)} cleared it at {spot(clear)} without having seen "
                    f"that, and {case.name(stuck.task)} waits for it at {spot(stuck)}",
                )
    return None


def _woke_the_wrong_one(case: Case) -> Named | None:
    """Two wait on one condition for different things, and the one that was woken waits again."""
    waiting = [
        s for s in case.steps if s.choice == BLOCKED and s.label.endswith("ondition.wait of")
    ]
    for again in waiting if case.critical else ():
        woken = [s for s in case.steps if s.task == again.task and s.label == "Condition.wait"]
        other = [s for s in waiting if s.target == again.target and s.line != again.line]
        if other and any(s.target == again.target and s.line == again.line for s in woken):
            return (
                "lost wake-up",
                f"a notification of {_plain(again)} woke {case.name(again.task)}, which had no use "
                f"for it and waits again at {spot(again)}; {case.name(other[0].task)}, which waits "
                f"at {spot(other[0])}, was not woken",
            )
    return None


def _asked_long_before(case: Case) -> Named | None:
    """Asked, all of it changed by another, and then acted upon, perhaps in a function called."""
    for one in case.critical:
        first, then = one.first, one.then
        if first is None or not is_question(first) or first.task != case.failed:
            continue
        if is_question(then):
            continue
        changed = [s for s in steps_between(case, first, then, "write") if same_variable(s, first)]
        if changed:
            return (
                "check-then-act",
                f"{case.name(first.task)} looked at {valued(first)} at {spot(first)}, "
                f"{case.name(changed[0].task)} changed it at {spot(changed[0])}, and "
                f"{case.name(then.task)} acted at {spot(then)} on what it had seen",
            )
    return None


def _plain(step: Step) -> str:
    """The variable without its kind."""
    return step.target.replace("`", "").rpartition(" ")[2]


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


UNSEEN: tuple[Callable[[Case], Named | None], ...] = (
    _changed_while_iterating,
    _read_twice,
    _read_half_written,
    _read_before_the_rest,
    _guarded,
    _not_asked_again,
    _cleared,
    _woke_the_wrong_one,
    _asked_long_before,
)
