"""A body on free threads that begin together, many times over, and how often that failed.

Each run is made in a forked child, with a drawn ``sys.setswitchinterval``.  A run that hangs is
told with the stacks of all threads, its process is ended, and the next run gets a new one.
"""

from __future__ import annotations

import json
import mmap
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_racecheck.diagnosis.forked import Ended, Outputs, run_forked
from pytest_racecheck.diagnosis.stress_run import Once, make_runs, together
from pytest_racecheck.diagnosis.wire import raise_stop
from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.errors import Misplaced, UsageError
from pytest_racecheck.faults.injection import is_number
from pytest_racecheck.faults.ledger import Injected, counting, refuse_unfired, take_up
from pytest_racecheck.free.outcome import last_line
from pytest_racecheck.free.rate import Rate

Interval = float | tuple[float, float]
#: Seconds; from "after nearly every instruction" to CPython's own value.
SWITCH_INTERVAL_S = (1e-6, 5e-3)
_SHOWN = 3  # different failures in a report
_COUNT = struct.Struct("q")


@dataclass(frozen=True, slots=True)
class StressPlan:
    """How a body is stressed: the arguments of ``stress``, but for what is called."""

    threads: int = 2
    repeats: int = 100
    switch_interval: Interval = SWITCH_INTERVAL_S
    deadline_s: float = 10.0
    seconds: float = 60.0
    seed: int = 0

    def checked(self) -> StressPlan:
        """Itself; raises UsageError for a value that makes no sense."""
        for name in ("threads", "repeats"):
            value = getattr(self, name)
            if not (is_number(value) and value == int(value) and 1 <= value <= 1_000_000):
                raise UsageError(f"{name}={value!r:.40}: expected a whole number, 1 or more")
        for name in ("deadline_s", "seconds"):
            value = getattr(self, name)
            if not (is_number(value) and value > 0):
                raise UsageError(f"{name}={value!r:.40}: expected seconds above 0")
        if not isinstance(self.seed, int):
            raise UsageError(f"seed={self.seed!r:.40}: expected a whole number")
        low, high = self.interval_s
        if not (is_number(low) and is_number(high) and 0 < low <= high <= 10):
            raise UsageError(
                f"switch_interval={self.switch_interval!r:.40}: expected seconds above 0, or two "
                "of them, the smaller first"
            )
        return self

    @property
    def interval_s(self) -> tuple[Any, Any]:
        """The two ends between which the interval is drawn, evenly in its logarithm."""
        given: Any = self.switch_interval
        return (
            tuple(given) if isinstance(given, (tuple, list)) and len(given) == 2 else (given,) * 2
        )


@dataclass(frozen=True, slots=True)
class FailedRun:
    """One run that failed: ``text`` is its traceback, or the stacks of all threads."""

    run: int
    kind: str  # "assertion", "exception", "hang", "crash"
    type: str
    message: str
    where: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stressed:
    """What came of it; ``control`` is how often the positive control failed."""

    rate: Rate
    failures: tuple[FailedRun, ...] = ()
    seconds: float = 0.0
    control: Rate | None = None
    control_name: str = ""
    injected: tuple[Injected, ...] = ()
    plan: StressPlan = field(default_factory=StressPlan)

    @property
    def verdict(self) -> str:
        """``"reproduced"`` or ``"inconclusive"``: a clean sample is never more."""
        return "reproduced" if self.rate.failures else "inconclusive"

    @property
    def grade(self) -> str | None:
        """``"statistical"`` for a clean sample whose positive control fails; else None."""
        clean = not self.rate.failures and self.control is not None and self.control.failures
        return "statistical" if clean else None

    @property
    def interval(self) -> tuple[float, float]:
        """What the failure probability of a run may be (95 %, Clopper and Pearson)."""
        return self.rate.interval()

    @property
    def reason(self) -> str:
        """The verdict's scope in one sentence."""
        if self.rate.failures:
            kinds = Counter(one.kind for one in self.failures).most_common()
            counts = ", ".join(f"{count} {kind}" for kind, count in kinds)
            low, high = self.interval
            return (
                f"{self.rate} on {self.plan.threads} free threads failed ({counts}); the rate is "
                f"{low:.1%} to {high:.1%} (95 %)"
            )
        return f"none of {self.rate.runs} runs on free threads failed: {self._worth()}"

    def _worth(self) -> str:
        if self.control is None:
            return "no power known: it has no positive control"
        bound = f"at most {self.rate.upper_bound():.1%} of runs fail (95 %)"
        if self.control.failures:
            return f"{bound}; its control {self.control_name} failed in {self.control}"
        return (
            f"no power: its control {self.control_name} failed in {self.control}; raise repeats "
            "or threads, or place a delay, until it fails"
        )

    def report(self) -> str:
        """Verdict, reason and the first failures that differ, with traceback or all stacks."""
        lines = [f"{self.verdict.upper()}  {self.reason} [{self.seconds:.1f} s]"]
        shown: dict[tuple[str, str, str], FailedRun] = {}
        for one in self.failures:
            shown.setdefault((one.kind, one.type, one.where), one)
        for one in list(shown.values())[:_SHOWN]:
            lines += ["", f"run {one.run}: {one.type} at {one.where}: {one.message}"]
            lines += [f"  {line}" for line in one.text.rstrip().splitlines()]
        if len(shown) > _SHOWN:
            lines.append(f"and {len(shown) - _SHOWN} other failures")
        lines += ["", *(f"injected: {one.told()}" for one in self.injected)]
        return "\n".join(lines).rstrip()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "verdict": self.verdict,
            "grade": self.grade,
            "reason": self.reason,
            "runs": self.rate.runs,
            "failed": self.rate.failures,
            "interval": list(self.interval),
            "control": None if self.control is None else [self.control.failures, self.control.runs],
            "seconds": round(self.seconds, 4),
            "failures": [asdict(one) for one in self.failures],
            "injected": [one._asdict() for one in self.injected],
        }


def stress(
    body: Callable[..., object],
    *,
    setup: Callable[[], Any] | None = None,
    check: Callable[[Any], object] | None = None,
    positive_control: Callable[..., object] | None = None,
    **plan: Any,
) -> Stressed:
    """Call ``body`` in several free threads that begin together, and do that many times.

    ``setup()`` is called before each run, and what it returns is given to ``body`` and, when all
    threads have ended, to ``check``; without ``setup`` both are called without arguments.
    ``positive_control`` is a body with the bug: it must fail in the same harness, or a clean sample
    shows nothing.  ``plan``: ``threads`` (2), ``repeats`` (100), ``switch_interval`` (seconds, or
    two between which it is drawn for each run), ``deadline_s`` (of one run; then it is a hang),
    ``seconds`` (budget of all runs), ``seed``.  Raises UsageError for wrong arguments, Misplaced
    inside a body that is explored, NeverFired when something injected never fired and nothing
    failed.
    """
    if controlled() is not None:
        raise Misplaced(
            "stress() needs free threads, but this body is being explored; call it in a test "
            "marked racecheck(free=True), or mark the test racecheck_stress"
        )
    known = StressPlan.__dataclass_fields__
    unknown = sorted(set(plan) - set(known))
    if unknown:
        raise UsageError(f"unknown argument {unknown[0]!r}: expected one of {', '.join(known)}")
    made = StressPlan(**plan).checked()
    for one in (body, setup, check, positive_control):
        if one is not None and not callable(one):
            raise UsageError(f"stress: expected something to call, got {one!r:.60}")
    control = positive_control and together(positive_control, made.threads, setup, check)
    name = getattr(positive_control, "__name__", "positive control")
    return stress_runs(together(body, made.threads, setup, check), made, control, name)


def stress_runs(once: Once, plan: StressPlan, control: Once | None, control_name: str) -> Stressed:
    """The same of what makes one whole run, given its number."""
    begun = time.monotonic()
    with counting() as ledger:
        failures = list(_sample(once, plan))
        runs = next((one.run for one in failures if one.kind == _ENDED), plan.repeats)
        failed = tuple(one for one in failures if one.kind != _ENDED)
        injected = ledger.told()
    if not failed:
        refuse_unfired(injected)
    rate, measured = Rate(len(failed), runs), None
    if control is not None and not failed:
        with counting():
            bad = list(_sample(control, plan))
        ran = next((one.run for one in bad if one.kind == _ENDED), plan.repeats)
        measured = Rate(sum(one.kind != _ENDED for one in bad), ran)
    seconds = time.monotonic() - begun
    return Stressed(rate, failed, seconds, measured, control_name, injected, plan)


_ENDED = "the budget was spent"


def _sample(once: Once, plan: StressPlan) -> Iterator[FailedRun]:
    """The failed runs; at last, if the time was not enough, one of kind _ENDED and so many runs."""
    begun, first = time.monotonic(), 0
    while first < plan.repeats:
        left_s = plan.seconds - (time.monotonic() - begun)
        if left_s <= 0:
            yield FailedRun(first, _ENDED, "", "", "")
            return
        with mmap.mmap(-1, _COUNT.size) as made:
            ended = run_forked(_work(once, plan, (first, left_s), made), _alarm(plan, made))
            (count,) = _COUNT.unpack_from(made)
        lines = [json.loads(line) for line in ended.story.split(b"\n")[:-1]]
        yield from (FailedRun(**line["failed"]) for line in lines if "failed" in line)
        take_up(lines)
        if ended.message is not None:
            raise_stop(ended.message)
            first += count
            if first < plan.repeats:
                yield FailedRun(first, _ENDED, "", "", "")
            return
        yield _died(first + count, ended)
        first += count + 1


def _work(
    once: Once, plan: StressPlan, share: tuple[int, float], made: mmap.mmap
) -> Callable[[int, Outputs], dict[str, Any]]:
    first, seconds = share

    def work(story: int, _: Outputs) -> dict[str, Any]:
        def progress(count: int) -> None:
            _COUNT.pack_into(made, 0, count)

        numbers = range(first, plan.repeats)
        return make_runs(once, numbers, (plan.interval_s, plan.seed, seconds), story, progress)

    return work


def _alarm(plan: StressPlan, made: mmap.mmap) -> Callable[[], str | None]:
    seen, since = -1, time.monotonic()

    def stalled() -> str | None:
        nonlocal seen, since
        (count,) = _COUNT.unpack_from(made)
        if count != seen:
            seen, since = count, time.monotonic()
        if time.monotonic() - since > plan.deadline_s:
            return f"it was still running after {plan.deadline_s:g} s"
        return None

    return stalled


def _died(run: int, ended: Ended) -> FailedRun:
    from pytest_racecheck.diagnosis.isolation import users_line

    text = "\n".join(part.rstrip() for part in (ended.stacks, ended.stderr) if part.strip())
    where = users_line(ended.stacks) or "unknown"
    if ended.stopped is not None:
        return FailedRun(run, "hang", "Deadline", ended.stopped, where, text)
    if ended.signal is not None:
        said = last_line(ended.stderr)
        return FailedRun(run, "crash", ended.signal, said or "the process died", where, text)
    message = f"the process left with status {ended.status}"
    return FailedRun(run, "crash", "Exit", message, where, text)
