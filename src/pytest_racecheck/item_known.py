"""What is known of a test before it is searched: its guards, and failures saved the last time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from pytest_racecheck.diagnosis import Finding, Plan, Verdict, explore_plan
from pytest_racecheck.diagnosis.guard import (
    Checked,
    Guard,
    State,
    check,
    guard_of,
    read_guard,
    verified,
)
from pytest_racecheck.diagnosis.safe_file import why_not_written, write_object
from pytest_racecheck.diagnosis.saved import Database
from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.errors import UsageError

OFF = "off"
RECORD_KEY, RECORD_VERSION = "racecheck record", 1

Body = Callable[[], object]


@dataclass
class Known:
    """Tries what is known of one test; ``notes`` are sentences about files that could not be used.

    A test that is to follow one given order has neither guards nor saved failures.
    """

    test: str
    plan: Plan
    guards: list[Guard] = field(default_factory=list)
    guards_only: bool = False
    database: Database | None = None
    notes: list[str] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    saved: str | None = None

    def find(self, body: Body, plan: Plan) -> Finding:
        """A race that is back or still there, or what the search finds."""
        known = self._by_guards(body) or (None if self.guards_only else self._by_saved(body))
        if known is not None:
            return known
        if self.guards_only and self.checked:
            return self.checked[-1].finding
        finding = explore_plan(body, plan)
        self._remember(finding)
        return finding

    @property
    def back(self) -> Checked | None:
        """The guard whose race is back."""
        return next((one for one in self.checked if one.state is State.BACK), None)

    @property
    def unsure(self) -> Checked | None:
        """The first guard that cannot tell."""
        return next((one for one in self.checked if one.state is State.UNSURE), None)

    def as_json(self) -> dict[str, Any]:
        """What the summary and other programs are told."""
        checked = [
            {"file": str(c.guard.path), "state": str(c.state), "sentence": c.sentence}
            for c in self.checked
        ]
        notes = [*self.notes, *(self.database.notes if self.database else ())]
        return {"guards": checked, "saved": self.saved, "notes": notes}

    def _by_guards(self, body: Body) -> Finding | None:
        for guard in self.guards:
            checked = check(body, self.plan, guard)
            self.checked.append(checked)
            if checked.state is State.BACK:
                return checked.finding
        return None

    def _by_saved(self, body: Body) -> Finding | None:
        if self.database is None:
            return None
        for saved in self.database.load(self.test):
            finding = explore_plan(body, _following(self.plan, saved.recording))
            if finding.verdict is Verdict.REPRODUCED:
                self.saved = "failed again"
                return finding
            if finding.failure is None:
                self.saved = "dropped"
                self.database.drop(saved)
        return None

    def _remember(self, finding: Finding) -> None:
        failure, text = finding.failure, finding.schedule
        reproduced = finding.verdict is Verdict.REPRODUCED and failure is not None and text
        if self.database is None or not reproduced:
            return
        assert failure is not None
        recording = finding.recording or Recording.of_text(str(text))
        self.database.save(self.test, recording, failure.as_json())


def _following(plan: Plan, recording: Recording) -> Plan:
    """The plan that follows ``recording`` as far as it goes."""
    return replace(
        plan,
        strategy="replay",
        mode="tolerant",
        recording=recording,
        schedule=None,
        preemptions=None,
        depth=None,
        script=None,
        upto=None,
        then=None,
    )


def known_of(item: pytest.Function, plan: Plan) -> Known:
    """What is known of ``item``; its guard files are read, saved failures when they are tried."""
    known = Known(item.nodeid, plan)
    if plan.follows_one_order or plan.mode is not None:
        return known
    only = _guards_option(item.config) not in (None, "on", OFF)
    for path in guard_files(item.config):
        try:
            guard = read_guard(path)
        except UsageError as error:
            known.notes.append(f"a guard cannot be checked: {error}")
            continue
        if guard.test == item.nodeid:
            known.guards.append(guard)
    known.guards_only = only
    recording = item.config.getoption("racecheck_record") is not None
    if not only and not recording:
        known.database = _database(item.config)
    return known


def guard_files(config: pytest.Config) -> list[Path]:
    """The files of guards that are to be checked in this session, by name."""
    option = _guards_option(config)
    if option == OFF:
        return []
    if option not in (None, "on"):
        return [Path(config.invocation_params.dir, str(option))]
    return sorted(Path(config.rootpath, config.getini("racecheck_guard_folder")).glob("*.json"))


def _guards_option(config: pytest.Config) -> str | None:
    given: str | None = config.getoption("racecheck_guards")
    return given


def _file_of(module: object) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def _database(config: pytest.Config) -> Database | None:
    given = config.getoption("racecheck_database") or config.getini("racecheck_database")
    return None if given in (OFF, "", None) else Database(Path(config.rootpath, given))


def check_record(config: pytest.Config) -> None:
    """Raise UsageError before the search when what it finds could not be written down."""
    target = config.getoption("racecheck_record")
    why = None if target is None else why_not_written(Path(target))
    if why is not None:
        raise UsageError(f"--racecheck-record={target}: it cannot be written: {why}")


def write_record(item: pytest.Function, finding: Finding, known: Known) -> None:
    """For ``racecheck guard``: what was found, and the guard that it makes, if it makes one."""
    target = item.config.getoption("racecheck_record")
    if target is None:
        return
    data: dict[str, Any] = {
        RECORD_KEY: RECORD_VERSION,
        "root": str(item.config.rootpath),
        "test": item.nodeid,
        "finding": finding.as_json(),
        "report": finding.report(
            replay_command=f"pytest {quote(item.nodeid)} --racecheck-replay={finding.schedule}"
        ),
        **known.as_json(),
        "imported": sorted(filter(None, map(_file_of, list(sys.modules.values())))),
        "guard": None,
    }
    root = Path(known.plan.root)
    if known.checked:
        data["verified"] = verified(known.checked[-1], root).as_json()
    elif finding.verdict is Verdict.REPRODUCED and finding.recording is not None:
        data["guard"] = guard_of(finding, known.plan, item.nodeid, Path(target)).as_json()
    try:
        write_object(Path(target), data)
    except OSError as error:  # the finding is worth more than its record: it is still told
        why = error.strerror or str(error)
        known.notes.append(f"--racecheck-record={target}: it was not written: {why}")
