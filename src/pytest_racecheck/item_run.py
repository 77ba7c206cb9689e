"""Explores one pytest test, and raises its failure as pytest would show it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from types import TracebackType

import _pytest
import pluggy
import pytest
from _pytest._code.code import ExceptionRepr

from pytest_racecheck.diagnosis import Failure, Finding, Plan, Verdict
from pytest_racecheck.diagnosis.judgement import is_left_behind
from pytest_racecheck.engine.failure import deepest_user_line, is_internal, is_ours, leave_out
from pytest_racecheck.errors import Misplaced, NeverFired
from pytest_racecheck.item_body import ItemBody
from pytest_racecheck.item_control import control_body
from pytest_racecheck.item_known import Known, known_of, write_record
from pytest_racecheck.session_end import report_of_the_end

# A fixture is set up by pytest's code, under control like the test: a report names the test's own.
leave_out(os.path.dirname(_pytest.__file__))
leave_out(os.path.dirname(pluggy.__file__))

MIN_WIDTH = 60
#: Where a test keeps the report of its failure until pytest makes its own.
REPORT = "racecheck_report"
#: Exceptions of a task that must not reach pytest: there they would stop or skip instead of fail.
_NOT_TO_RAISE = (
    KeyboardInterrupt,
    GeneratorExit,
    pytest.exit.Exception,
    pytest.skip.Exception,
    pytest.xfail.Exception,
)


def hides(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Our frames are hidden around the test's own error, and shown when there is no other."""
    return bool(getattr(excinfo.value, "pytrace", True))


def explore_item(item: pytest.Function, plan: Plan, property_name: str) -> None:
    """Explore ``item``; raises its failure as pytest would show it, and attaches the report."""
    __tracebackhide__ = hides
    known = known_of(item, plan)
    try:
        finding = _finding_of(item, plan, known)
    except (Misplaced, NeverFired) as mistake:
        where = deepest_user_line(mistake.__traceback__)
        at = f"{where}: " if isinstance(mistake, Misplaced) else ""
        pytest.fail(f"racecheck: {at}{mistake}", pytrace=False)
    data = {**finding.as_json(), "warnings": list(finding.warnings), "strategy": plan.strategy}
    data["carrier"] = finding.carrier
    data |= known.as_json()
    item.user_properties.append((property_name, json.dumps(data)))
    if finding.failure is not None and not is_left_behind(finding):
        report = finding.report(_width(item), _command(item, finding, plan))
        setattr(item, REPORT, _with_guard(known, report, finding.failure.error))
        for name in ("stdout", "stderr"):
            if getattr(finding, name):
                item.add_report_section("call", name, getattr(finding, name))
        raise_failure(finding.failure)
    strict = item.config.getini("racecheck_strict")
    if strict and known.unsure is not None:
        pytest.fail(f"racecheck (strict): {known.unsure.sentence}", pytrace=False)
    if finding.left_schedule is not None and finding.matched[0] == 0:
        pytest.fail(f"racecheck: {finding.reason}", pytrace=False)
    if (
        strict
        and finding.verdict is Verdict.INCONCLUSIVE
        and not _did_what_was_asked(finding, plan)
    ):
        pytest.fail(f"racecheck (strict): {finding.reason}", pytrace=False)


def _with_guard(known: Known, report: str, error: BaseException | None) -> str:
    """The report of a guarded race that is back begins with the name of its guard."""
    if known.back is None:
        return report
    if error is not None:
        error.add_note(known.back.sentence)
    return f"{known.back.sentence}\n\n{report}"


def _finding_of(item: pytest.Function, plan: Plan, known: Known) -> Finding:
    body = ItemBody(item)
    error = body.tear_down()  # what pytest has set up for the test itself, which is next to nothing
    if error is not None:
        raise error
    if plan.positive_control is not None:
        plan = replace(plan, positive_control=control_body(item, plan.positive_control))
    try:
        with body.warnings_shown_once(), report_of_the_end(item):
            finding = known.find(body, replace(plan, record=True))
            write_record(item, finding, known)
            return finding
    except BaseException as stop:  # noqa: BLE001 - raised again
        # A skip, a time-out of another plugin, Ctrl-C: shown where the user was, not where we were.
        raise stop.with_traceback(_users_part(stop.__traceback__)) from stop.__cause__


def _did_what_was_asked(finding: Finding, plan: Plan) -> bool:
    """A sampling strategy that spent its budget did; so did one schedule that was asked for."""
    if plan.follows_one_order:
        return True
    if "started no thread" in finding.reason:
        return True
    return finding.grade == "statistical" and plan.strategy not in ("exhaustive", "bounded")


def _width(item: pytest.Item) -> int:
    writer = item.config.get_terminal_writer()
    return max(int(writer.fullwidth), MIN_WIDTH)


def _command(item: pytest.Item, finding: Finding, plan: Plan) -> str | None:
    if finding.schedule is None:
        return None
    isolate = " --racecheck-isolate" if plan.isolate else ""
    return f"pytest {shlex.quote(item.nodeid)} --racecheck-replay={finding.schedule}{isolate}"


def add_report(report: pytest.TestReport, text: str) -> None:
    """Put our text behind pytest's own account of the failure, where no option hides it."""
    if isinstance(report.longrepr, ExceptionRepr):
        report.longrepr.addsection("racecheck", text)
    else:
        before = "" if report.longrepr is None else f"{report.longrepr}\n"
        report.longrepr = f"{before}{' racecheck ':-^{MIN_WIDTH}}\n{text}"


def raise_failure(failure: Failure) -> None:
    """Raise what the test raised, without our own frames around it."""
    __tracebackhide__ = hides
    error = failure.error
    if failure.text:
        pytest.fail(failure.text, pytrace=False)
    if error is None:
        pytest.fail(f"{failure.kind} at {failure.where}: {failure.message}", pytrace=False)
    if isinstance(error, _NOT_TO_RAISE):
        what = f"{failure.type} in task {failure.task} at {failure.where}: {failure.message}"
        pytest.fail(f"{what}{_ONLY_THE_TEST_CAN.get(failure.type, '')}", pytrace=False)
    raise error.with_traceback(_users_part(error.__traceback__))


_ONLY_THE_TEST_CAN = {
    name: f" (a task cannot {verb} the test: call it in the test itself)"
    for name, verb in (("Skipped", "skip"), ("XFailed", "xfail"), ("Exit", "end the session of"))
}


def _users_part(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the first line of the user on, without our own frames."""
    steps = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    internal = [is_internal(step.tb_frame.f_code.co_filename) for step in steps]
    if all(internal):
        return steps[0] if steps else None
    rest: TracebackType | None = None
    for step in reversed(steps[internal.index(False) :]):
        if not is_ours(step.tb_frame.f_code.co_filename):
            rest = TracebackType(rest, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return rest
