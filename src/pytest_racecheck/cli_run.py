"""The commands that run something: `run`, `replay` and `claims --run`; also when interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from pytest_racecheck.catalogue.claims import Claim, backs, standing
from pytest_racecheck.catalogue.conduct import Conductor
from pytest_racecheck.catalogue.find import select
from pytest_racecheck.catalogue.harness import Harness, Measurements
from pytest_racecheck.catalogue.jobs import Job, Wishes, jobs_for
from pytest_racecheck.catalogue.record import Record, document, exit_status
from pytest_racecheck.catalogue.show import (
    NARROW,
    claim_lines,
    closing_line,
    printable,
    results_table,
    told,
)
from pytest_racecheck.errors import RacecheckError, UsageError
from pytest_racecheck.free import Ending
from pytest_racecheck.progress import is_lively, progress_for

WIDE = 160
_COLOURS = {"kept": "32", "BROKEN": "1;31", "not run": "33"}


class Stopped(BaseException):
    """SIGINT or SIGTERM came; `status` is the exit status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Results:
    """The records so far, by job; `stopped` is the exit status of an interruption."""

    jobs: Sequence[Job]
    by_job: dict[int, Record] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: int | None = None

    @property
    def records(self) -> list[Record]:
        """In the order of the jobs."""
        return [self.by_job[at] for at in sorted(self.by_job)]

    @property
    def status(self) -> int:
        """The exit status that is due."""
        return exit_status(self.records) if self.stopped is None else self.stopped


@dataclass(frozen=True, slots=True)
class Output:
    """How much is done at a time, where the JSON goes, and whether every finding is told."""

    workers: int
    json_to: str | None
    verbose: bool = False

    @property
    def stream(self) -> IO[str]:
        """Where text for people goes."""
        return sys.stderr if self.json_to == "-" else sys.stdout


def run(folder: Path, names: Sequence[str], wishes: Wishes, output: Output) -> int:
    """Judge the named variants (all when none is named); print, write, and give the exit status."""
    return finish(jobs_for(select(folder, names), wishes), output).status


def finish(jobs: Sequence[Job], output: Output) -> Results:
    """Work through the jobs, write the JSON, print the report."""
    if output.json_to is not None:
        check_writable(output.json_to)
    results = work_through(jobs, output)
    if output.json_to is not None:
        write_json(results, output.json_to)
    report(results, output)
    return results


def run_claims(folder: Path, claims: Sequence[Claim], output: Output) -> int:
    """Judge the variants that back the claims, and say of each claim whether it is borne out."""
    results = finish(jobs_for_claims(folder, claims), output)
    findings = [record.as_json() for record in results.records]
    for claim in claims:
        lines = claim_lines(claim, standing(claim, findings))
        output.stream.write("\n" + "\n".join(lines) + "\n")
    return results.status


def jobs_for_claims(folder: Path, claims: Sequence[Claim]) -> list[Job]:
    """The jobs that some claim names, each once, in the order of the catalogue."""
    shown = [one for claim in claims for one in claim.shown_by]
    names = list(dict.fromkeys(f"{one.scenario}/{one.variant}" for one in shown))
    jobs = jobs_for(select(folder, names), Wishes()) if names else []
    return [job for job in jobs if any(backs(one, identity(job)) for one in shown)]


def identity(job: Job) -> dict[str, str | None]:
    """The keys of the job's finding that are known beforehand."""
    return {
        "scenario": job.scenario.name,
        "variant": job.variant.name,
        "mode": job.mode,
        "transport": job.transport,
    }


def work_through(jobs: Sequence[Job], output: Output) -> Results:
    """Run the jobs under a progress display; an interruption ends it early, and tidily."""
    results = Results(jobs)
    started_s = time.monotonic()
    with stopping_by_signal():
        try:
            width = table_width(output.stream)
            conductor = Conductor(jobs, output.workers, width)
            with progress_for(jobs) as progress, conductor:
                for event in conductor.events():
                    if event.record is not None:
                        results.by_job[event.at] = event.record
                    progress.show(event)
        except Stopped as stop:
            results.stopped = stop.status
    results.seconds = time.monotonic() - started_s
    return results


@contextlib.contextmanager
def stopping_by_signal() -> Iterator[None]:
    """Within, the first SIGINT or SIGTERM raises Stopped; later ones wait for the tidying up."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_writable(path: str) -> None:
    """Raise UsageError before anything is run when the results could not be written to `path`."""
    if path == "-":
        return
    place = Path(path)
    why = None
    if place.is_dir():
        why = "it is a folder"
    elif not place.absolute().parent.is_dir():
        why = f"there is no folder {place.absolute().parent}"
    elif not os.access(place if place.exists() else place.absolute().parent, os.W_OK):
        why = "permission denied"
    if why is not None:
        raise UsageError(f"--json {path}: it cannot be written: {why}")


def write_json(results: Results, path: str) -> None:
    """Write the JSON document to `path` ("-": stdout). Raises UsageError."""
    content = document(results.records, len(results.jobs), results.seconds)
    content["summary"]["exit_status"] = results.status
    text = json.dumps(content, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"--json {path}: it cannot be written: {problem.strerror}") from problem


def report(results: Results, output: Output) -> None:
    """The table, every promise that was not kept, what could not be run, and the counts."""
    titles = {job.scenario.name: job.scenario.title for job in results.jobs}
    stream, width = output.stream, table_width(output.stream)
    lively = is_lively(stream)
    for line in results_table(results.records, titles, width):
        stream.write((_coloured(line) if lively else line) + "\n")
    for at, record in sorted(results.by_job.items()):
        if record.kept is False or (output.verbose and record.kept):
            lines = told(record, width, results.jobs[at].run_command)
            stream.write("\n".join(lines) + "\n")
    for reason in dict.fromkeys(r.found.reason for r in results.records if r.kept is None):
        who = [r.title for r in results.records if r.found.reason == reason]
        stream.write(f"\n{len(who)} {reason}\n  " + "\n  ".join(who) + "\n")
    content = document(results.records, len(results.jobs), results.seconds)
    stream.write(f"\n{closing_line(content['summary'])}\n")


def table_width(stream: IO[str]) -> int:
    """The width of the terminal within reason; 80 where there is none."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return NARROW
    return max(NARROW, min(columns, WIDE)) if columns else NARROW


def _coloured(line: str) -> str:
    for word, code in _COLOURS.items():
        if line.startswith(f"  {word} "):
            return line.replace(word, f"\033[{code}m{word}\033[0m", 1)
    return line


def replay(
    folder: Path, name: str, schedule: str, wishes: Wishes, how: dict[str, Any] | None = None
) -> int:
    """Follow `schedule` once more; 1 when it does not end as the variant promises, else 0."""
    if "/" not in name:
        raise UsageError(f"{name!r} names no variant: write SCENARIO/VARIANT")
    job = jobs_for(select(folder, [name]), wishes)[0]
    with stopping_by_signal(), Harness(Measurements(), table_width(sys.stdout)) as harness:
        try:
            outcome = harness.replay(job, schedule, how)
        except Stopped as stop:
            harness.interrupt()
            return stop.status
    if outcome.ending is not Ending.OK:
        raise RacecheckError(
            f"{job.title}: the replay did not come to an end: {outcome.describe()}"
        )
    finding: dict[str, Any] = outcome.value["finding"]
    if finding["left_schedule"] is not None and finding["matched"][0] == 0:
        raise UsageError(f"{job.title}: {finding['reason']}")
    sys.stdout.write(printable(outcome.value["report"]).rstrip() + "\n")
    failed, promised = finding["failure"] is not None, job.promise.expects == "reproduced"
    return 0 if failed == promised else 1
