"""Compares what a job found with what its variant promised; runs nothing itself."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path

from pytest_racecheck.catalogue.jobs import Job
from pytest_racecheck.catalogue.record import MISUSE, Found, Record
from pytest_racecheck.catalogue.scenario import NOT_REPRODUCED, Controlled, Free
from pytest_racecheck.free import Ending, Outcome, Rate

_FOUND_KEYS = tuple(field.name for field in fields(Found))
# Failures that say something about this machine and nothing about the system under test.
_OBSTACLES = {
    os.strerror(errno.EADDRINUSE): "a port it needs is in use: stop the program that holds it",
    os.strerror(errno.EMFILE): "too many files are open: raise the limit (ulimit -n)",
}
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True, slots=True)
class Sample:
    """Runs of one body on free threads, in order."""

    outcomes: tuple[Outcome, ...]

    @property
    def seconds(self) -> float:
        """The runs' durations added up."""
        return sum(outcome.seconds for outcome in self.outcomes)

    def rate(self, kind: str | None = None) -> Rate:
        """How many of the runs failed; only those of `kind` when it is given."""
        return Rate(len(self.failed(kind)), len(self.outcomes))

    def failed(self, kind: str | None = None) -> list[int]:
        """The 0-based indices of the failed runs."""
        kinds = [kind_of(outcome) for outcome in self.outcomes]
        return [at for at, found in enumerate(kinds) if found and kind in (None, found)]

    def obstacle(self) -> str | None:
        """Why the sample says nothing about the system under test, when that is so."""
        said = [outcome.failure.message for outcome in self.outcomes if outcome.failure]
        return next((why for message in said if (why := obstacle_in(message))), None)


def kind_of(outcome: Outcome) -> str | None:
    """The kind of failure a run on free threads ended in; None: it did not fail."""
    if outcome.failure is not None:
        return "assertion" if outcome.failure.type == "AssertionError" else "exception"
    return None if outcome.ending is Ending.OK else str(outcome.ending)


def obstacle_in(message: str) -> str | None:
    """What to do about the machine, when the failure's text shows that it was the machine."""
    return next((advice for text, advice in _OBSTACLES.items() if text in message), None)


def refused(job: Job, why: str, exit_status: int) -> Record:
    """The record of a job that could not be run here."""
    found = Found(reason=f"could not be run here: {why}")
    return _record(job, found, kept=None, refusal=exit_status)


def no_search(job: Job, why: str, seconds: float = 0.0, report: str = "") -> Record:
    """The record of a job whose child did not come back with a result: no promise is kept."""
    found = Found(seconds=seconds, reason=f"The run did not come to an end: {why}.")
    return _record(job, found, kept=False, report=report)


def judge_exploration(job: Job, outcome: Outcome) -> Record:
    """A controlled job: `outcome` is that of the child that explored."""
    promise = job.promise
    assert isinstance(promise, Controlled), job.title
    if outcome.ending is not Ending.OK:
        return no_search(job, outcome.describe(), outcome.seconds, _post_mortem(outcome))
    said = outcome.value["finding"]
    found = Found(**{key: said[key] for key in _FOUND_KEYS} | {"replays": tuple(said["replays"])})
    why = obstacle_in(found.failure["message"]) if found.failure else None
    if why is not None:
        return refused(job, why, MISUSE)
    kept = found.verdict == promise.expects
    if promise.expects == NOT_REPRODUCED:
        kept = found.verdict != "reproduced"
    if kept and promise.kind is not None:
        kept = found.failure is not None and found.failure["kind"] == promise.kind
        if not kept:
            reason = f"{found.reason}; promised was a failure of kind {promise.kind!r}"
            found = replace(found, reason=reason)
    return _record(job, found, kept=kept, report=outcome.value["report"])


def judge_sample(job: Job, sample: Sample, control: Sample | None) -> Record:
    """A free job. `control` is the positive control's sample, where the promise names one."""
    promise = job.promise
    assert isinstance(promise, Free), job.title
    samples = [sample] if control is None else [sample, control]
    why = next((why for one in samples if (why := one.obstacle())), None)
    if why is not None:
        return refused(job, why, MISUSE)
    if sample.failed():
        found = _reproduced(promise, sample, job.scenario.folder)
        report = _post_mortem(sample.outcomes[(found.first_failure or 1) - 1])
    else:
        found, report = _clean(promise, sample, control), ""
    why = _breach(promise, sample, found)
    if why is not None:
        found = replace(found, reason=f"{found.reason} Promised was {why}.")
    record = _record(job, found, kept=why is None, report=report)
    return record if control is None else replace(record, control=control.rate())


def _breach(promise: Free, sample: Sample, found: Found) -> str | None:
    """What was promised that the sample does not show; None: the promise is kept."""
    if promise.expects == "inconclusive":
        if sample.failed():
            return "that none fails"
        if (found.grade == "statistical") == promise.power:
            return None
        fails = "fails" if promise.power else "does not fail"
        return f"that the control {fails} in {promise.min_rate:.0%} of its runs"
    rate = sample.rate(promise.kind)
    if rate.failures > 0 and promise.min_rate <= rate.share <= promise.max_rate:
        return None
    kind = f"a {promise.kind}" if promise.kind else "a failure"
    return f"{kind} in {promise.min_rate:.0%} to {promise.max_rate:.0%} of the runs"


def _reproduced(promise: Free, sample: Sample, folder: Path) -> Found:
    wanted = sample.failed(promise.kind) or sample.failed()
    kinds = Counter(kind_of(sample.outcomes[at]) for at in sample.failed())
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return Found(
        verdict="reproduced",
        executions=len(sample.outcomes),
        seconds=sample.seconds,
        first_failure=wanted[0] + 1,
        failure=_failure(sample.outcomes[wanted[0]], folder),
        replays=(len(wanted), len(sample.outcomes)),
        reason=f"{sample.rate()} on free threads failed ({counts}).",
    )


def _clean(promise: Free, sample: Sample, control: Sample | None) -> Found:
    rate = sample.rate()
    power = control is not None and _fails_enough(promise, control.rate())
    if control is None:
        worth = "no power known: it has no positive control"
    elif power:
        worth = (
            f"at most {rate.upper_bound():.1%} of runs fail (95 %); "
            f"its control {promise.control} failed in {control.rate()}"
        )
    else:
        worth = (
            f"no power: its control {promise.control} failed in {control.rate()}, "
            f"asked for were {promise.min_rate:.0%}"
        )
    return Found(
        grade="statistical" if power else None,
        executions=len(sample.outcomes),
        seconds=sample.seconds,
        reason=f"None of {rate.runs} runs on free threads failed: {worth}.",
    )


def _fails_enough(promise: Free, control: Rate) -> bool:
    return control.failures > 0 and control.share >= promise.min_rate


def _failure(outcome: Outcome, folder: Path) -> dict[str, str]:
    kind = kind_of(outcome)
    assert kind is not None, outcome
    escaped = outcome.failure
    if escaped is not None:
        values = (kind, escaped.type, escaped.message, escaped.where)
    else:
        ended_by = outcome.signal or f"status {outcome.exit_status}"
        name = "Deadline" if outcome.ending is Ending.HANG else ended_by
        values = (kind, name, outcome.describe(), _where(outcome.stacks, folder))
    return dict(zip(("kind", "type", "message", "where"), values, strict=True))


def _where(stacks: str, folder: Path) -> str:
    """The innermost line of the scenario that a faulthandler dump shows."""
    for name, line in _FRAME.findall(stacks):
        if Path(name).parent == folder:
            return f"{Path(name).name}:{line}"
    return "unknown"


def _post_mortem(outcome: Outcome) -> str:
    """What a child left to read: traceback, stacks, what it said on stderr."""
    trace = outcome.failure.traceback if outcome.failure else ""
    parts = (trace, outcome.stacks, outcome.stderr)
    return "\n".join(part.rstrip() for part in parts if part.strip())


def _record(
    job: Job, found: Found, *, kept: bool | None, report: str = "", refusal: int = 0
) -> Record:
    return Record(
        scenario=job.scenario.name,
        variant=job.system or job.variant.name,
        role=job.variant.role,
        cases=job.variant.cases,
        mode=job.mode,
        transport=job.transport,
        expects=job.promise.expects,
        kept=kept,
        found=found,
        report=report,
        refusal=refusal,
    )
