"""Near misses under pytest: a marked test run some times, or a whole suite watched."""

from __future__ import annotations

import json
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_racecheck.adapters.nearmiss_gates import Gates
from pytest_racecheck.diagnosis.nearmiss_pairs import PairFiles, Saved
from pytest_racecheck.diagnosis.nearmiss_search import (
    NearMissPlan,
    failed,
    gates_for,
    nearmiss_plan,
)
from pytest_racecheck.diagnosis.nearmiss_watching import Conditions, Run, watched
from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.nearmiss import Contracts
from pytest_racecheck.item_body import ItemBody
from pytest_racecheck.item_keywords import keywords_of
from pytest_racecheck.item_known import OFF
from pytest_racecheck.item_plan import _why_not
from pytest_racecheck.item_run import MIN_WIDTH, REPORT, hides, raise_failure

MARKER = "racecheck_nearmiss"
#: The property of a test that was watched in a suite, for the summary.
WATCHED = "racecheck_nearmiss"
MOST_NAMED = 5
_KEYWORDS = tuple(name for name in NearMissPlan.__dataclass_fields__ if name != "root")


def plan_marked(item: pytest.Item) -> NearMissPlan:
    """The plan of a test with the marker.  Raises pytest.UsageError for every mistake."""
    try:
        marker = item.get_closest_marker(MARKER)
        assert marker is not None, "only marked tests are planned"
        if item.get_closest_marker("racecheck") is not None:
            raise UsageError(f"it is marked racecheck and {MARKER}: keep one, or write two tests")
        reason = _why_not(item)
        if reason is not None:
            raise UsageError(f"{MARKER} cannot run {reason}; --racecheck-nearmiss can watch it")
        return _plan(item, keywords_of(marker, _KEYWORDS)).checked()
    except UsageError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _plan(item: pytest.Item, given: dict[str, Any]) -> NearMissPlan:
    unsafe = given.get("unsafe", ())
    if isinstance(unsafe, (list, tuple)):
        given["unsafe"] = (*unsafe, *item.config.getini("racecheck_nearmiss_unsafe"))
    if type(given.get("seed", 0)) is int:  # anything else is refused
        given["seed"] = given.get("seed", 0) ^ zlib.crc32(item.nodeid.encode())
    return NearMissPlan(**{**given, "root": str(item.config.rootpath)})


def run_marked(item: pytest.Function, plan: NearMissPlan, property_name: str) -> None:
    """Run ``item`` as its plan says; raises its failure as pytest would show it."""
    __tracebackhide__ = hides
    out_of_the_way(item.config)
    body, files = ItemBody(item), _files(item.config)
    error = body.tear_down()  # what pytest has set up for the test itself, which is next to nothing
    if error is not None:
        raise error
    saved = Saved() if files is None else files.load(item.nodeid)
    with body.warnings_shown_once():
        finding = nearmiss_plan(body, plan, saved)
    if files is not None:
        files.save(item.nodeid, saved)
    data = {**finding.as_json(), "warnings": list(finding.warnings), "strategy": "near misses"}
    data["notes"] = [] if files is None else files.notes
    item.user_properties.append((property_name, json.dumps(data)))
    if finding.failure is not None:
        setattr(item, REPORT, finding.report(_width(item)))
        raise_failure(finding.failure)


def _width(item: pytest.Item) -> int:
    return max(int(item.config.get_terminal_writer().fullwidth), MIN_WIDTH)


def _files(config: pytest.Config) -> PairFiles | None:
    given = config.getoption("racecheck_database") or config.getini("racecheck_database")
    return None if given in (OFF, "", None) else PairFiles(Path(config.rootpath, given))


# -------------------------------------------------------------------------------- a whole suite


@dataclass
class _Suite:
    """What one session needs to watch its tests."""

    gates: Gates
    contracts: Contracts
    files: PairFiles | None


_SUITE = pytest.StashKey[_Suite]()


def suite_of(config: pytest.Config) -> _Suite:
    """Made once a session.  Raises pytest.UsageError for a wrong declaration in the ini file."""
    if _SUITE not in config.stash:
        plan = NearMissPlan(
            unsafe=config.getini("racecheck_nearmiss_unsafe"), root=str(config.rootpath)
        )
        try:
            suite = _Suite(gates_for(plan.checked()), plan.contracts(), _files(config))
        except UsageError as error:
            raise pytest.UsageError(f"racecheck_nearmiss_unsafe: {error}") from None
        config.stash[_SUITE] = suite
    return config.stash[_SUITE]


def out_of_the_way(config: pytest.Config) -> None:
    """Every function has its own code again, until the next test is watched."""
    if _SUITE in config.stash:
        config.stash[_SUITE].gates.take_out()


def watch_call(item: pytest.Item) -> Generator[None, object, object]:
    """Watch the one run of a test; who is caught fails it."""
    __tracebackhide__ = hides
    suite = suite_of(item.config)
    saved = Saved() if suite.files is None else suite.files.load(item.nodeid)
    seed = str(zlib.crc32(item.nodeid.encode()))
    under = Conditions(suite.contracts, suite.gates, seed)
    try:
        with watched(saved, under, forward=True) as run:
            try:
                result = yield
            except BaseException as error:
                run.error = error
                raise
    finally:
        _judge(item, run, saved)
        if suite.files is not None:
            suite.files.save(item.nodeid, saved)
    _raise_what_was_caught(run)
    return result


def _judge(item: pytest.Item, run: Run, saved: Saved) -> None:
    """Tell the summary, and make the report where a delay may have to do with a failure."""
    failure = run.failure()
    caught = failure is not None and (bool(run.meetings) or run.delays > 0)
    if caught and failure is not None:
        for pair in run.caught or run.held:
            pair.found = True
        finding = failed([run], saved, failure, 1, (0, 0))
        setattr(item, REPORT, finding.report(_width(item)))
    if caught or len(saved.pairs):
        told = {
            "caught": failure.message if caught and failure is not None else None,
            "pairs": len(saved.pairs),
            "delays": run.delays,
            "delayed_s": round(run.delayed_s, 4),
        }
        item.user_properties.append((WATCHED, json.dumps(told)))


def _raise_what_was_caught(run: Run) -> None:
    """The test itself passed: two threads that met, or a thread that failed, fail it."""
    __tracebackhide__ = hides
    failure = run.failure()
    if failure is not None and (run.meetings or run.delays):
        raise_failure(failure)


def write_near_misses(reporter: Any, told: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
    """A line of totals, and one for each test in which somebody was caught."""
    found = [(nodeid, json.loads(text)) for nodeid, text in told]
    caught = [(nodeid, one) for nodeid, one in found if one["caught"] is not None]
    reporter.write_sep("=", "racecheck near misses")
    pairs, delays = (sum(one[name] for _, one in found) for name in ("pairs", "delays"))
    delayed_s = sum(one["delayed_s"] for _, one in found)
    reporter.write_line(
        f"{_count(len(found), 'test')} with near misses, {_count(pairs, 'pair')}, "
        f"{_count(delays, 'delay')} ({delayed_s:.2f} s); {_count(len(caught), 'test')} caught"
    )
    for nodeid, one in caught[:MOST_NAMED]:
        reporter.write_line(f"caught: {nodeid}")
        reporter.write_line(f"    {one['caught'].splitlines()[0]}")
    if len(caught) > MOST_NAMED:
        reporter.write_line(f"and {len(caught) - MOST_NAMED} more")
    for note in notes:
        reporter.write_line(f"warning: {note}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def notes_of(config: pytest.Config) -> list[str]:
    """Sentences about files that could not be used."""
    suite = config.stash.get(_SUITE, None)
    return [] if suite is None or suite.files is None else suite.files.notes
