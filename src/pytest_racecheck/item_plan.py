"""From marker, options and ini file to the plan of one test; every mistake is one sentence."""

from __future__ import annotations

import inspect
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_racecheck.diagnosis.plan import Plan, with_schedule
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.make import understood_by
from pytest_racecheck.errors import UsageError
from pytest_racecheck.item_control import function_named
from pytest_racecheck.item_keywords import keywords_of
from pytest_racecheck.item_known import check_record

_FROM_MARKER = (
    "executions",
    "seconds",
    "strategy",
    "points",
    "control",
    "seed",
    "preemptions",
    "depth",
    "script",
    "replay",
    "workers",
    "isolate",
    "races",
    "patience_s",
    "max_steps",
    "carrier",
    "replays",
    "positive_control",
)


#: Nobody wrote this test to be explored, so that a slow call in it is more likely than a hang.
PATIENCE_UNMARKED_S = 5.0

#: Makes a value of an option's text; raises ValueError.
Reading = Callable[[str], Any]
Options = Mapping[str, tuple[Reading, str]]


def plan_tests(
    config: pytest.Config,
    tests: Sequence[pytest.Item],
    options: Options,
    names: tuple[str, str, str],
) -> None:
    """Give each test its plan, under the first of ``names``; the others are of its report's
    property, and of the mistake that it holds in a worker.

    A test that nobody marked and that cannot be explored runs as ever, and the summary counts it.
    """
    plan_name, property_name, mistake_name = names
    explored = []
    for item in tests:
        reason = _why_not(item)
        if reason is not None and not _is_marked(item):
            told = {"verdict": "not explored", "reason": reason}
            item.user_properties.append((property_name, json.dumps(told)))
            continue
        if reason is not None:  # one test's mistake, which its neighbours need not pay for
            setattr(item, mistake_name, f"{item.nodeid}: racecheck cannot explore {reason}")
            continue
        explored.append(item)
    try:
        check_replay(config.getoption("racecheck_replay"), explored)
        check_record(config)
    except pytest.UsageError as error:
        _refuse(explored, error, mistake_name)
        return
    except UsageError as error:
        _refuse(explored, pytest.UsageError(str(error)), mistake_name)
        return
    for item in explored:
        try:
            setattr(item, plan_name, plan_of(item, options))
        except pytest.UsageError as error:
            _refuse([item], error, mistake_name)


def _refuse(items: Sequence[pytest.Item], error: pytest.UsageError, mistake_name: str) -> None:
    """Before any test runs; in a worker of xdist, which may not say so, when they would run."""
    for item in items:
        if not hasattr(item.config, "workerinput"):
            raise error
        setattr(item, mistake_name, str(error))


def _is_marked(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("racecheck") is not None or "racecheck" in names


def plan_of(item: pytest.Item, options: Options) -> Plan:
    """The plan of ``item``: command line over marker over ini file over defaults."""
    config = item.config
    try:
        given: dict[str, Any] = {"root": str(config.rootpath)}
        if not _is_marked(item):
            given["patience_s"] = PATIENCE_UNMARKED_S
        _put_in_order(given, item, options)
        mode = config.getoption("racecheck_replay_mode"), config.getoption("racecheck_replay_upto")
        return _made(given, config.getoption("racecheck_replay"), mode, item.nodeid)
    except UsageError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _put_in_order(given: dict[str, Any], item: pytest.Item, options: Options) -> None:
    """Into ``given``: the ini file's values, over them the marker's, over them the options'."""
    config = item.config
    for name, (kind, _) in options.items():
        _put(given, name, kind, config.getini(f"racecheck_{name}"), f"racecheck_{name}")
    if config.getini("racecheck_isolate"):
        given["isolate"] = True
    given.update(_from_marker(item))
    for name, (kind, _) in options.items():
        value = config.getoption(f"racecheck_{name}")
        _put(given, name, kind, value, f"--racecheck-{name}")
    if config.getoption("racecheck_strategy") is not None:
        _drop_what_it_ignores(given)
    given["curve"] = config.getoption("racecheck_curve")
    if config.getoption("racecheck_isolate"):
        given["isolate"] = True


def _made(
    given: dict[str, Any],
    replay: str | None,
    replay_mode: tuple[str | None, str | None],
    nodeid: str,
) -> Plan:
    seed = given.get("seed", 0)
    if isinstance(seed, int):  # anything else is refused below
        given["seed"] = seed ^ zlib.crc32(nodeid.encode())
    marked = given.pop("replay", None)
    schedule = replay or marked
    if schedule is None and given.get("strategy") == "replay":
        raise UsageError("strategy 'replay' needs replay='rc1:...', as a report prints it")
    if schedule is not None:
        if not isinstance(schedule, str):
            raise UsageError(f"replay must be a replay text, got {schedule!r}")
        return with_schedule(Plan(**_for_replay(given, replay_mode)), schedule).checked()
    if replay_mode != (None, None):
        raise UsageError("--racecheck-replay-mode and -upto belong to --racecheck-replay")
    if "script" in given and "strategy" not in given:
        given["strategy"] = "scripted"
    if "preemptions" in given and "strategy" not in given:
        given["strategy"] = "bounded"
    return Plan(**given).checked()


def _for_replay(given: dict[str, Any], mode: tuple[str | None, str | None]) -> dict[str, Any]:
    """What of a test's plan a replay needs; its strategy is what follows a prefix."""
    kept = {k: v for k, v in given.items() if k not in ("preemptions", "depth", "script")}
    searched_with = kept.pop("strategy", None)
    kept["mode"], upto = mode
    if upto is not None:
        _put(kept, "upto", int, upto, "--racecheck-replay-upto")
    if kept["mode"] == "prefix" and searched_with not in (None, "scripted", "replay"):
        kept["then"] = searched_with
    return kept


def _drop_what_it_ignores(given: dict[str, Any]) -> None:
    """The command line chose another strategy than the marker, whose bounds belong to its own."""
    for name in {"preemptions", "depth", "script"} - set(understood_by(given["strategy"])):
        given.pop(name, None)


def _why_not(item: pytest.Item) -> str | None:
    """Which kind of test this is, if it is one that cannot be explored, and what to do instead."""
    if isinstance(item, TestCaseFunction):
        return (
            "a unittest.TestCase method; write it as a plain function or class, or call explore()"
        )
    if not isinstance(item, pytest.Function):
        return f"a test of kind {type(item).__name__}; write it as a Python function"
    if inspect.iscoroutinefunction(item.obj) or inspect.isasyncgenfunction(item.obj):
        return "an async test; write a plain one that calls asyncio.run()"
    if getattr(item.obj, "is_hypothesis_test", False):
        return (
            "a test with @given, which repeats it already; call explore() in a test without marker"
        )
    if "subtests" in item.fixturenames:
        return "a test with subtests; write each as a test of its own"
    return None


def _from_marker(item: pytest.Item) -> dict[str, Any]:
    marker = item.get_closest_marker("racecheck")
    if marker is None:
        return {}
    given = keywords_of(marker, _FROM_MARKER)
    if given.get("positive_control") is not None and isinstance(item, pytest.Function):
        given["positive_control"] = function_named(item, given["positive_control"])
    return given


def _put(given: dict[str, Any], name: str, kind: Reading, value: Any, source: str) -> None:
    if value is None or value == "":
        return
    try:
        given[name] = kind(value)
    except ValueError:
        raise UsageError(f"{source} must be {_noun(kind)}, got {value!r}") from None


def _noun(kind: Reading) -> str:
    nouns = {int: "a whole number", float: "a number", str: "a text"}
    return nouns.get(kind, "a whole number or auto")  # type: ignore[call-overload, no-any-return]


def check_replay(text: str | None, explored: Sequence[pytest.Item]) -> None:
    """A replay text belongs to one test: refuse a malformed one, and more tests, early."""
    if text is None:
        return
    try:
        Schedule.parse(text)
    except UsageError as error:
        raise pytest.UsageError(f"--racecheck-replay: {error}") from None
    if len(explored) != 1:
        raise pytest.UsageError(
            f"--racecheck-replay: a schedule belongs to one test, but {len(explored)} are "
            "selected; name the test"
        )
