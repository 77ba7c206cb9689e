"""One judged job: the object that stands in the JSON, and how many of them add up."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from pytest_racecheck.free import Rate

VERSION = 1
BROKEN, MISUSE, NOT_RUN = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a job found, before anybody asks what was promised."""

    verdict: str = "inconclusive"
    grade: str | None = None
    executions: int = 0
    seconds: float = 0.0
    first_failure: int | None = None
    failure: dict[str, str] | None = None
    schedule: str | None = None
    replays: tuple[int, int] = (0, 0)
    preemptions: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What a job found beside the promise it was compared with.

    `kept` is None when nothing could be run here; `refusal` then is the exit status that is due
    (2 misuse, 3 something is missing). `control` is how often the positive control failed, where
    there is one. It and `report` are for people and not in the JSON.
    """

    scenario: str
    variant: str
    role: str
    cases: tuple[str, ...]
    mode: str
    transport: str | None
    expects: str
    kept: bool | None
    found: Found
    report: str = ""
    refusal: int = 0
    control: Rate | None = None

    @property
    def name(self) -> str:
        """Such as "signalling_pair_reconnect/buggy"."""
        return f"{self.scenario}/{self.variant}"

    @property
    def title(self) -> str:
        """The name with mode and transport."""
        return " ".join(filter(None, (self.name, self.mode, self.transport)))

    def as_json(self) -> dict[str, Any]:
        """Exactly the keys of the documented format."""
        found = self.found
        return {
            "scenario": self.scenario,
            "variant": self.variant,
            "role": self.role,
            "cases": list(self.cases),
            "mode": self.mode,
            "transport": self.transport,
            "expects": self.expects,
            "verdict": found.verdict,
            "grade": found.grade,
            "kept": self.kept,
            "executions": found.executions,
            "seconds": round(found.seconds, 3),
            "first_failure": found.first_failure,
            "failure": found.failure,
            "schedule": found.schedule,
            "replays": list(found.replays),
            "preemptions": found.preemptions,
            "reason": found.reason,
        }


def exit_status(records: Iterable[Record]) -> int:
    """0 every promise was kept; 1 one was not; 2 misuse; 3 something could not be run here."""
    seen = {BROKEN if record.kept is False else record.refusal for record in records}
    return next((status for status in (BROKEN, MISUSE, NOT_RUN) if status in seen), 0)


def summary(records: Sequence[Record], jobs: int, seconds: float) -> dict[str, Any]:
    """The counts; `jobs` is how many were asked for, more than `records` when interrupted."""
    return {
        "findings": len(records),
        "kept": sum(record.kept is True for record in records),
        "broken": sum(record.kept is False for record in records),
        "not_run": sum(record.kept is None for record in records),
        "asked": jobs,
        "interrupted": len(records) < jobs,
        "seconds": round(seconds, 3),
        "environment": environment(),
    }


def environment() -> dict[str, str]:
    """What the findings were found on; "none" for what is not installed."""
    try:
        pyzmq = metadata.version("pyzmq")
    except metadata.PackageNotFoundError:
        pyzmq = "none"
    return {"python": platform.python_version(), "pyzmq": pyzmq, "machine": platform.machine()}


def document(records: Sequence[Record], jobs: int, seconds: float) -> dict[str, Any]:
    """The JSON document of a run."""
    return {
        "version": VERSION,
        "summary": summary(records, jobs, seconds),
        "findings": [record.as_json() for record in records],
    }
