"""A pytest test on free threads: run once with the fixture, or stressed as its marker says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_racecheck.diagnosis.stress import StressPlan, stress_runs
from pytest_racecheck.diagnosis.stress_run import at_once
from pytest_racecheck.errors import Misplaced, NeverFired, UsageError
from pytest_racecheck.item_body import ItemBody
from pytest_racecheck.item_control import control_body, function_named
from pytest_racecheck.item_keywords import keywords_of


@dataclass(frozen=True)
class ItemStress:
    """What the marker asks for."""

    plan: StressPlan
    control: Any = field(default=None)


def plan_free(items: Sequence[pytest.Item], plan_name: str, mistake_name: str) -> None:
    """Give each test that is to be stressed its plan; a mistake is an error before any test runs.

    In a worker of xdist, which may not say so, it is one when the test would run.
    """
    for item in items:
        try:
            plan = _plan_of(item)
        except UsageError as error:
            text = f"{item.nodeid}: {error}"
            if not hasattr(item.config, "workerinput"):
                raise pytest.UsageError(text) from None
            setattr(item, mistake_name, text)
            continue
        if plan is not None:
            setattr(item, plan_name, plan)


def _plan_of(item: pytest.Item) -> ItemStress | None:
    _refuse_both(item.get_closest_marker("racecheck"))
    marker = item.get_closest_marker("racecheck_stress")
    if marker is None:
        return None
    if not isinstance(item, pytest.Function) or hasattr(item, "_testcase"):
        raise UsageError("racecheck_stress needs a plain test function; or call stress()")
    given = keywords_of(marker, (*StressPlan.__dataclass_fields__, "positive_control"))
    control = given.pop("positive_control", None)
    function = None if control is None else function_named(item, control)
    return ItemStress(StressPlan(**given).checked(), function)


def _refuse_both(explored: pytest.Mark | None) -> None:
    """A test is explored, or runs on free threads."""
    if explored is None:
        return
    if "free" not in explored.kwargs:
        raise UsageError("a test is either explored or stressed: leave one of the two markers out")
    if explored.kwargs["free"] is not True:
        raise UsageError(f"free={explored.kwargs['free']!r:.40}: expected True, or leave it out")
    if len(explored.kwargs) > 1:
        raise UsageError("racecheck(free=True) runs the test once: leave the other keywords out")


class _Stressed:
    """One run: fixtures of its own, and the test in several threads that share them."""

    def __init__(self, body: ItemBody, threads: int) -> None:
        self._body = body
        body.call_with = lambda call: at_once(call, threads)
        self.begin_anew = body.begin_anew

    def __call__(self) -> None:
        self._body()


def stress_item(item: pytest.Function, asked: ItemStress, property_name: str) -> None:
    """Stress ``item``; fails with the report when a run failed, or its control never did."""
    __tracebackhide__ = True
    body = ItemBody(item)
    error = body.tear_down()
    if error is not None:
        raise error
    plan, control, name = asked.plan, None, ""
    if asked.control is not None:
        control = _Stressed(control_body(item, asked.control), plan.threads)
        name = asked.control.__name__
    try:
        found = stress_runs(_Stressed(body, plan.threads), plan, control, name)
    except (Misplaced, NeverFired) as mistake:
        pytest.fail(f"racecheck: {mistake}", pytrace=False)
    item.user_properties.append((property_name, json.dumps(found.as_json())))
    if found.rate.failures:
        pytest.fail(found.report(), pytrace=False)
    if found.control is not None and not found.control.failures:
        pytest.fail(f"racecheck: {found.reason}", pytrace=False)
