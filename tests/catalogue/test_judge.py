"""What was found against what was promised: every combination, from outcomes made by hand."""

import errno
import os
import platform
from dataclasses import replace

import pytest

from pytest_racecheck.catalogue.jobs import Wishes, jobs_for
from pytest_racecheck.catalogue.judge import (
    Sample,
    judge_exploration,
    judge_sample,
    kind_of,
    no_search,
    refused,
)
from pytest_racecheck.catalogue.reading import read_scenario
from pytest_racecheck.catalogue.record import document, exit_status
from pytest_racecheck.free import ChildFailure, Ending, Outcome

KEYS = [
    "scenario", "variant", "role", "cases", "mode", "transport", "expects", "verdict", "grade",
    "kept", "executions", "seconds", "first_failure", "failure", "schedule", "replays",
    "preemptions", "reason",
]  # fmt: skip

OK = Outcome(Ending.OK, 0.5)
LOST = Outcome(
    Ending.FAILURE,
    0.25,
    failure=ChildFailure("AssertionError", "lost", "workload.py:9", "MainThread", "trace"),
)
RAISED = replace(LOST, failure=replace(LOST.failure, type="ValueError"))
HANG = Outcome(Ending.HANG, 1.0)
CRASH = Outcome(Ending.CRASH, 0.1, signal="SIGABRT", stderr="Assertion failed: x (pipe.cpp:3)\n")
LEFT = Outcome(Ending.CRASH, 0.1, exit_status=3)


@pytest.fixture(name="jobs")
def _jobs(tiny):
    scenario = read_scenario(tiny.write())
    jobs = jobs_for([(scenario, variant) for variant in scenario.variants], Wishes())
    return {f"{job.variant.name} {job.mode}": job for job in jobs}


def promising(job, **changes):
    return replace(job, promise=replace(job.promise, **changes))


def explored(**changes):
    finding = {
        "verdict": "reproduced",
        "grade": None,
        "executions": 12,
        "seconds": 0.5,
        "first_failure": 3,
        "failure": {"kind": "assertion", "type": "A", "message": "m", "where": "w.py:1"},
        "schedule": "rc1:x",
        "replays": [3, 3],
        "preemptions": 1,
        "reason": "3 of 3.",
    }
    return Outcome(Ending.OK, 0.6, value={"finding": finding | changes, "report": "the report"})


def sample(*outcomes):
    return Sample(outcomes)


def test_the_kinds_of_endings():
    endings = (OK, LOST, RAISED, HANG, CRASH, LEFT)
    kinds = [None, "assertion", "exception", "hang", "crash", "crash"]
    assert [kind_of(outcome) for outcome in endings] == kinds


# ------------------------------------------------------------------------------------- controlled


def test_a_promised_reproduction_is_kept(jobs):
    record = judge_exploration(jobs["buggy controlled"], explored())
    assert record.kept is True
    assert record.report == "the report"
    assert record.found.replays == (3, 3)


def test_a_reproduction_of_another_kind_keeps_no_promise(jobs):
    failure = {"kind": "deadlock", "type": "D", "message": "m", "where": "w.py:1"}
    record = judge_exploration(jobs["buggy controlled"], explored(failure=failure))
    assert record.kept is False
    assert "; promised was a failure of kind 'assertion'" in record.found.reason


@pytest.mark.parametrize("verdict", ["reproduced", "inconclusive"])
def test_a_promise_to_be_ruled_out_is_kept_by_nothing_less(jobs, verdict):
    job = jobs["fixed controlled"]
    assert judge_exploration(job, explored(verdict=verdict)).kept is False
    assert judge_exploration(job, explored(verdict="ruled out", failure=None)).kept is True


@pytest.mark.parametrize("outcome", [LOST, HANG, CRASH, LEFT])
@pytest.mark.parametrize("name", ["buggy controlled", "fixed controlled"])
def test_a_search_whose_child_failed_keeps_no_promise(jobs, outcome, name):
    record = judge_exploration(jobs[name], outcome)
    assert (record.kept, record.found.verdict) == (False, "inconclusive")
    assert outcome.describe() in record.found.reason


# ------------------------------------------------------------------------------------------- free


def test_a_promised_rate_is_kept_with_its_counts(jobs):
    record = judge_sample(jobs["buggy free"], sample(LOST, LOST, LOST), None)
    assert record.kept is True
    found = record.found
    assert (found.verdict, found.grade, found.executions) == ("reproduced", None, 3)
    assert (found.first_failure, found.replays, found.schedule) == (1, (3, 3), None)
    assert found.failure == {
        "kind": "assertion",
        "type": "AssertionError",
        "message": "lost",
        "where": "workload.py:9",
    }
    assert "3 of 3 runs" in found.reason
    assert found.seconds == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("outcomes", "low", "high", "kept"),
    [
        ((OK, LOST), 0.5, 1.0, True),
        ((OK, LOST), 0.6, 1.0, False),
        ((LOST, LOST), 0.0, 0.9, False),
        ((OK, OK), 0.0, 1.0, False),
    ],
)
def test_a_rate_outside_its_promise_keeps_it_not(jobs, outcomes, low, high, kept):
    job = promising(jobs["buggy free"], min_rate=low, max_rate=high)
    assert judge_sample(job, sample(*outcomes), None).kept is kept


def test_only_failures_of_the_promised_kind_count(jobs):
    job = promising(jobs["buggy free"], kind="hang", min_rate=0.5)
    record = judge_sample(job, sample(LOST, HANG, LOST), None)
    assert record.kept is False
    assert (record.found.first_failure, record.found.replays) == (2, (1, 3))
    assert record.found.failure["kind"] == "hang"
    assert "(2 assertion, 1 hang). Promised was a hang in 50% to 100% of the runs." in (
        record.found.reason
    )
    assert judge_sample(job, sample(HANG, LOST), None).kept is True


def test_failures_of_other_kinds_alone_are_reproduced_but_keep_no_promise(jobs):
    job = promising(jobs["buggy free"], kind="hang", min_rate=0.0)
    record = judge_sample(job, sample(LOST), None)
    assert (record.found.verdict, record.kept) == ("reproduced", False)


@pytest.mark.parametrize(
    ("outcome", "name", "text"),
    [(CRASH, "SIGABRT", "Assertion failed: x (pipe.cpp:3)"), (LEFT, "status 3", "no result")],
)
def test_a_crash_is_told_by_signal_or_status_and_text(jobs, outcome, name, text):
    job = promising(jobs["buggy free"], kind="crash")
    failure = judge_sample(job, sample(outcome), None).found.failure
    assert (failure["kind"], failure["type"]) == ("crash", name)
    assert text in failure["message"]


def test_a_hang_is_placed_by_its_stack(jobs):
    job = promising(jobs["buggy free"], kind="hang")
    folder = job.scenario.folder
    stacks = (
        'Thread 0x1:\n  File "/usr/lib/threading.py", line 5 in wait\n'
        f'  File "{folder}/hang.py", line 7 in add\n  File "{folder}/workload.py", line 2 in run\n'
    )
    record = judge_sample(job, sample(replace(HANG, stacks=stacks)), None)
    assert record.found.failure["where"] == "hang.py:7"


def test_a_clean_sample_is_worth_what_its_control_shows(jobs):
    record = judge_sample(jobs["fixed free"], sample(*[OK] * 10), sample(LOST, LOST))
    assert record.kept is True
    assert (record.found.verdict, record.found.grade) == ("inconclusive", "statistical")
    assert "at most 25.9% of runs fail (95 %)" in record.found.reason
    assert "its control buggy failed in 2 of 2 runs" in record.found.reason


@pytest.mark.parametrize("control", [None, sample(OK, OK, LOST), sample(OK)])
def test_a_clean_sample_without_power_has_no_grade_and_keeps_no_promise(jobs, control):
    record = judge_sample(jobs["fixed free"], sample(OK), control)
    assert (record.found.verdict, record.found.grade, record.kept) == ("inconclusive", None, False)
    assert "no power" in record.found.reason
    assert "Promised was that the control fails in 50% of its runs." in record.found.reason


def test_a_promise_to_have_no_power_is_kept_by_having_none(jobs):
    job = promising(jobs["fixed free"], power=False)
    assert judge_sample(job, sample(OK), sample(OK, OK, LOST)).kept is True
    broken = judge_sample(job, sample(OK), sample(LOST))
    assert broken.kept is False
    assert "Promised was that the control does not fail in 50% of its runs." in broken.found.reason


def test_a_clean_promise_is_broken_by_one_failure(jobs):
    record = judge_sample(jobs["fixed free"], sample(OK, HANG), sample(LOST))
    assert (record.found.verdict, record.kept) == ("reproduced", False)
    assert record.found.reason.endswith("Promised was that none fails.")


# ---------------------------------------------------------------------------- could not be run here


@pytest.mark.parametrize("number", [errno.EADDRINUSE, errno.EMFILE])
def test_an_obstacle_of_the_machine_is_no_finding(jobs, number):
    failure = replace(LOST.failure, type="ZMQError", message=os.strerror(number))
    outcome = replace(LOST, failure=failure)
    for record in (
        judge_sample(jobs["buggy free"], sample(outcome), None),
        judge_sample(jobs["fixed free"], sample(OK), sample(outcome)),
        judge_exploration(
            jobs["buggy controlled"],
            explored(
                failure={"kind": "exception", "type": "Z", "where": "w", "message": failure.message}
            ),
        ),
    ):
        assert (record.kept, record.refusal, record.found.verdict) == (None, 2, "inconclusive")
        assert record.found.reason.startswith("could not be run here: ")


# ------------------------------------------------------------------------------- JSON, exit status


def test_a_finding_has_exactly_the_documented_keys(jobs):
    records = [
        judge_exploration(jobs["buggy controlled"], explored()),
        judge_sample(jobs["buggy free"], sample(LOST), None),
        judge_sample(jobs["fixed free"], sample(OK), sample(LOST)),
        refused(jobs["fixed free"], "why", 3),
    ]
    for record in records:
        finding = record.as_json()
        assert list(finding) == KEYS
        failure = finding["failure"]
        assert failure is None or list(failure) == ["kind", "type", "message", "where"]
        assert isinstance(finding["cases"], list)
        assert isinstance(finding["replays"], list)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ("", 0),
        ("kept kept", 0),
        ("kept broken", 1),
        ("kept refused3", 3),
        ("refused3 broken", 1),
        ("refused3 refused2", 2),
        ("refused2 broken kept", 1),
    ],
)
def test_the_exit_status_is_that_of_the_worst(jobs, kinds, status):
    job = jobs["buggy free"]
    made = {
        "kept": judge_sample(job, sample(LOST), None),
        "broken": no_search(job, "x"),
        "refused2": refused(job, "x", 2),
        "refused3": refused(job, "x", 3),
    }
    assert exit_status([made[kind] for kind in kinds.split()]) == status


def test_the_summary_counts(jobs):
    job = jobs["buggy free"]
    records = [judge_sample(job, sample(LOST), None), no_search(job, "x"), refused(job, "y", 3)]
    content = document(records, jobs=5, seconds=1.23456)
    assert content["version"] == 1
    environment = content["summary"].pop("environment")
    assert environment["python"] == platform.python_version()
    assert content["summary"] == {
        "findings": 3,
        "kept": 1,
        "broken": 1,
        "not_run": 1,
        "asked": 5,
        "interrupted": True,
        "seconds": 1.235,
    }
