"""The command `racecheck explain`: why something fails, and at which choice that was decided."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue.find import select
from pytest_racecheck.catalogue.harness import Harness, Measurements
from pytest_racecheck.catalogue.jobs import Wishes, jobs_for
from pytest_racecheck.catalogue.show import printable
from pytest_racecheck.cli_guard import run_test
from pytest_racecheck.cli_run import Stopped, stopping_by_signal, table_width
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.errors import RacecheckError, UsageError
from pytest_racecheck.free import Ending

NOTHING_FAILED = 1


def explain_test(test: str, schedule: str | None, as_json: bool) -> int:
    """Explain what pytest's test ``test`` does; 1 when nothing fails, else 0."""
    options = ["--racecheck-curve"]
    if schedule is not None:
        Schedule.parse(schedule)
        options.append(f"--racecheck-replay={schedule}")
    with stopping_by_signal():
        try:
            record = run_test(test, Path.cwd(), [], *options)
        except Stopped as stop:
            return stop.status
    return _say(record["finding"], record["report"], as_json)


def explain_variant(
    folder: Path, name: str, schedule: str | None, wishes: Wishes, as_json: bool
) -> int:
    """Explain what a variant of a scenario does; 1 when nothing fails, else 0."""
    if "/" not in name:
        raise UsageError(f"{name!r} names neither a test (file.py::test) nor a SCENARIO/VARIANT")
    if schedule is not None:
        Schedule.parse(schedule)
    job = jobs_for(select(folder, [name]), wishes)[0]
    with stopping_by_signal(), Harness(Measurements(), table_width(sys.stdout)) as harness:
        try:
            if schedule is None:
                outcome = harness.explain(job)
            else:
                outcome = harness.replay(job, schedule, {"curve": True})
        except Stopped as stop:
            harness.interrupt()
            return stop.status
    if outcome.ending is not Ending.OK:
        raise RacecheckError(f"{job.title}: it did not come to an end: {outcome.describe()}")
    return _say(outcome.value["finding"], outcome.value["report"], as_json)


def _say(finding: dict[str, Any], report: str, as_json: bool) -> int:
    text = json.dumps(finding, indent=1) if as_json else printable(report).rstrip()
    sys.stdout.write(text + "\n")
    return 0 if finding["failure"] is not None else NOTHING_FAILED
