"""Runs one pytest test as a body: its function-scoped fixtures are set up anew in each execution."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest
from _pytest.tmpdir import tmppath_result_key

from pytest_racecheck.diagnosis import Finding, Plan, Verdict, explore_plan
from pytest_racecheck.engine.failure import is_internal

MIN_WIDTH = 60


def hides(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Our frames are hidden around the test's own error, and shown when there is no other."""
    return bool(getattr(excinfo.value, "pytrace", True))


def explore_item(item: pytest.Function, plan: Plan, property_name: str) -> None:
    """Explore ``item``; raises its failure as pytest would show it, and attaches the report."""
    __tracebackhide__ = hides
    finding = explore_plan(_body_of(item), plan)
    data = {**finding.as_json(), "warnings": list(finding.warnings), "strategy": plan.strategy}
    item.user_properties.append((property_name, json.dumps(data)))
    if finding.failure is not None:
        item.add_report_section(
            "call", "racecheck", finding.report(_width(item), _command(item, finding))
        )
        raise_failure(finding)
    strict = item.config.getini("racecheck_strict")
    if plan.strategy == "replay" and finding.reason.startswith("the schedule does not fit"):
        pytest.fail(f"racecheck: {finding.reason}", pytrace=False)
    if (
        strict
        and finding.verdict is Verdict.INCONCLUSIVE
        and not _did_what_was_asked(finding, plan)
    ):
        pytest.fail(f"racecheck (strict): {finding.reason}", pytrace=False)


def _did_what_was_asked(finding: Finding, plan: Plan) -> bool:
    """A sampling strategy that spent its budget did; so did one schedule that was asked for."""
    if plan.strategy in ("replay", "scripted"):
        return True
    if "started no thread" in finding.reason:
        return True
    return finding.grade == "statistical" and plan.strategy not in ("exhaustive", "bounded")


def _width(item: pytest.Item) -> int:
    writer = item.config.get_terminal_writer()
    return max(int(writer.fullwidth), MIN_WIDTH)


def _command(item: pytest.Item, finding: Finding) -> str | None:
    if finding.schedule is None:
        return None
    return f"pytest '{item.nodeid}' --racecheck-replay={finding.schedule}"


def raise_failure(finding: Finding) -> None:
    """Raise what the test raised, without our own frames around it."""
    __tracebackhide__ = hides
    failure = finding.failure
    assert failure is not None
    if failure.error is None or not isinstance(failure.error, Exception):
        raised = failure.error
        if raised is None or type(raised).__module__ != "_pytest.outcomes":
            pytest.fail(f"{failure.kind} at {failure.where}: {failure.message}", pytrace=False)
    assert failure.error is not None
    raise failure.error.with_traceback(_users_part(failure.error.__traceback__))


def _users_part(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and is_internal(traceback.tb_frame.f_code.co_filename):
        if traceback.tb_next is None:
            break
        traceback = traceback.tb_next
    return traceback


class _Parents:
    """Stands for "the next item" that shares everything with this one except its own fixtures."""

    def __init__(self, item: pytest.Item) -> None:
        self._chain = item.listchain()[:-1]

    def listchain(self) -> list[Any]:
        return self._chain


def _body_of(item: pytest.Function) -> Callable[[], None]:
    if not _has_fixtures(item):
        return lambda: item.obj(**_arguments(item))
    state = item.session._setupstate
    parents: Any = _Parents(item)

    def body() -> None:
        item.stash.setdefault(tmppath_result_key, {})  # tmp_path's tear-down looks for it
        state.teardown_exact(parents)
        item._initrequest()
        state.setup(item)
        try:
            item.obj(**_arguments(item))
        finally:
            folder = item.funcargs.get("tmp_path")
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    return body


def _arguments(item: pytest.Function) -> dict[str, Any]:
    return {name: item.funcargs[name] for name in item._fixtureinfo.argnames}


def _has_fixtures(item: pytest.Function) -> bool:
    """Whether a fixture of function scope (autouse and xunit-style set-up included) is in use."""
    closure = item._fixtureinfo.name2fixturedefs
    return any(defs and defs[-1].scope == "function" for defs in closure.values())
