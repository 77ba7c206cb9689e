"""The known kinds of race, named in a sentence when the failure is one of them, else not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

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
from pytest_racecheck.diagnosis.unseen_halves import UNSEEN
from pytest_racecheck.engine.failure import place
from pytest_racecheck.engine.trace import Step

LOCK_ORDER = "lock-order inversion"
#: Calls that ask and change nothing.
_ASKING = re.compile(r"\.(empty|full|qsize|is_set|locked|is_alive|done|__contains__)$")


def name_the_pattern(case: Case) -> Named | None:
    """The name of the pattern and a sentence about this case of it; None when it is none."""
    for recognise in _PATTERNS:
        found = recognise(case)
        if found is not None:
            return found
    return None


def _lock_order(case: Case) -> Named | None:
    """Each holds a lock that the next one wants."""
    stuck = {step.task: step for step in case.steps if step.choice == BLOCKED}
    cycle = [stuck[task] for task in case.failure.cycle if task in stuck]
    if len(cycle) < 2 or len(cycle) < len(case.failure.cycle):
        return None
    if any(not step.touched or not step.label.startswith("waits to acquire") for step in cycle):
        return None
    wanted = [step.touched[0][0] for step in cycle]
    if any(lock not in _next(cycle, at).holds for at, lock in enumerate(wanted)):
        return None
    names = _lock_names(case, wanted)
    said = [
        f"{case.name(step.task)} holds {names[wanted[at - 1]]} and wants {names[wanted[at]]} "
        f"at {place(step.filename, step.line)}"
        for at, step in enumerate(cycle)
    ]
    return LOCK_ORDER, ", ".join(said[:-1]) + f", and {said[-1]}"


def _next(cycle: Sequence[Step], at: int) -> Step:
    return cycle[(at + 1) % len(cycle)]


def _lock_names(case: Case, locks: Sequence[int]) -> dict[int, str]:
    names: dict[int, str] = {}
    for lock in locks:
        owned = [s.owned for s in case.steps if s.owned and s.touched and s.touched[0][0] == lock]
        names[lock] = next((name for name in owned if "." in name), owned[0] if owned else "a lock")
    for name in set(names.values()):
        same = [lock for lock in names if names[lock] == name]
        for number, lock in enumerate(same if len(same) > 1 else [], start=1):
            names[lock] = f"{name} ({number})"
    return names


def _lost_wake_up(case: Case) -> Named | None:
    if case.failure.kind != "lost wake-up" or not case.critical:
        return None  # without an order that decides nothing says that it could have come in time
    early = case.failure.message.rpartition(": ")[2]
    waiting = [s for s in case.steps if s.choice == BLOCKED and "wait of" in s.label]
    if not waiting:
        return None
    step = waiting[0]
    where = place(step.filename, step.line)
    return (
        "lost wake-up",
        f"{early} notified when nobody waited; {case.name(step.task)} waits at {where} "
        "for a notification that has been",
    )


def _lost_update(case: Case) -> Named | None:
    """Read, written by another, written from what was read."""
    for one in case.critical:
        first, between, then = one.first, one.between, one.then
        if first is None or (first.label, between.label, then.label) != ("read", "write", "write"):
            continue
        if not same_variable(first, between, then) or is_question(first):
            continue
        if first.function != then.function or _read_again(case, first, then):
            continue
        return (
            "lost update",
            f"{case.name(first.task)} read {valued(first)} at {spot(first)}, "
            f"{case.name(between.task)} then wrote {between.value or 'it'} at {spot(between)}, and "
            f"{case.name(then.task)} wrote {then.value or 'it'} over that at {spot(then)}",
        )
    return None


def _check_then_act(case: Case) -> Named | None:
    """Asked, changed by another, acted upon."""
    for one in case.critical:
        first, between, then = one.first, one.between, one.then
        if first is None or not (_asks(first) or is_question(first)):
            continue
        both, again = shared(first, between), shared(between, then)
        if both is None or again is None or both.thing != again.thing:
            continue
        if first.label == "write" or between.label == "read" or first.function != then.function:
            continue
        if _asks(then) or is_question(then):
            continue  # it asked again before it acted
        return (
            "check-then-act",
            f"{case.name(first.task)} looked at {valued(first)} at {spot(first)}, "
            f"{case.name(between.task)} changed it at {spot(between)}, and {case.name(then.task)} "
            f"acted at {spot(then)} on what it had seen",
        )
    return None


def _read_between_writes(case: Case) -> Named | None:
    """A task has seen the first of two writes of another, and not yet the second."""
    for one in case.critical:
        first, then = one.first, one.then
        if first is None or first.label != "write" or not _writes(case, then):
            continue
        if first.function != then.function:
            continue  # written apart, so nothing says that they belong together
        # The assertion may lie in the test itself, which looks at what the reader made of it.
        readers = [case.failed, one.between.task]
        readers += sorted({s.task for s in case.steps}) if case.failed == 0 else []
        reads = steps_between(case, first, then, "read")
        for reader in dict.fromkeys(readers):
            seen = [s for s in reads if s.task == reader]
            old = next((s for s in reversed(seen) if same_variable(s, then)), None)
            new = next((s for s in seen if same_variable(s, first)), None)
            if old and new and apart(first, then):
                return (
                    "torn read",
                    f"{case.name(new.task)} read {valued(new)} at {spot(new)} and {valued(old)} "
                    f"at {spot(old)}, between the two writes of {case.name(first.task)} at "
                    f"{spot(first)} and {spot(then)}",
                )
    return None


def _writes(case: Case, step: Step) -> bool:
    return step.label == "write" or (step.label == "read" and _writes_back(case, step))


def _written_between_reads(case: Case) -> Named | None:
    """A task has read the first of two variables before, and the second after they were written."""
    for one in case.critical:
        first, then = one.first, one.then
        if first is None or (first.label, then.label) != ("read", "read"):
            continue
        if first.task != case.failed or (is_question(first) and _writes_back(case, then)):
            continue  # not what failed, or it acts on the answer
        seen = steps_between(case, first, then, "write")
        wrote = [next((s for s in seen if same_variable(s, r)), None) for r in (first, then)]
        if wrote[0] and wrote[1] and wrote[0].task == wrote[1].task and apart(first, then):
            return (
                "torn read",
                f"{case.name(first.task)} read {valued(first)} at {spot(first)} and "
                f"{valued(then)} at {spot(then)}; {case.name(wrote[0].task)} wrote both in "
                f"between, at {spot(wrote[0])} and {spot(wrote[1])}",
            )
    return None


def _writes_back(case: Case, read: Step) -> bool:
    """Whether what is read is written by the same line, as ``x += 1`` does."""
    own = [s for s in case.steps if s.task == read.task and s.op > read.op and s.label == "write"]
    return any(s.line == read.line and same_variable(s, read) for s in own[:1])


def _read_again(case: Case, first: Step, then: Step) -> bool:
    own = [s for s in case.steps if s.task == first.task and first.op < s.op < then.op]
    return any(s.label == "read" and same_variable(s, first) for s in own)


def _asks(step: Step) -> bool:
    return _ASKING.search(step.label) is not None


_PATTERNS: tuple[Callable[[Case], Named | None], ...] = (
    _lock_order,
    _lost_wake_up,
    _lost_update,
    _read_between_writes,
    _written_between_reads,
    _check_then_act,
    *UNSEEN,
)
