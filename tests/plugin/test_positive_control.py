"""A test's positive control: a twin with the bug, searched as the test is, and what that shows."""

from __future__ import annotations

import pytest

TWINS = """
SEARCH = dict(strategy="random", executions=30, patience_s=0.3, seconds=10)

@pytest.fixture
def counter():
    return {"n": 0}

def both_add(counter, lock=None):
    def add():
        if lock: lock.acquire()
        counter["n"] += 1
        if lock: lock.release()
    together(add, add)
    assert counter["n"] == 2

def without_lock(counter): both_add(counter)
def harmless(): together(lambda: None)
"""
MARKED = """
@pytest.mark.racecheck(**SEARCH, positive_control={control})
def test_sound(counter): both_add(counter, threading.Lock())
"""


def summary(run) -> str:
    return " ".join(run.out.partition("= racecheck =")[2].split())


@pytest.mark.parametrize("control", ["without_lock", "'without_lock'"])
def test_the_summary_says_what_the_search_found_in_the_twin(suite, control):
    suite.write(TWINS + MARKED.format(control=control))
    run = suite.here()
    run.outcomes(passed=1)
    said = summary(run)
    assert "had the bug been as easy to meet as in without_lock, 30 passes in a row would" in said
    assert "30 executions, first with AssertionError at" in said
    assert "no power known" not in said


def test_a_twin_that_does_not_fail_gives_no_power(suite):
    suite.write(TWINS + MARKED.format(control="harmless"))
    run = suite.here()
    run.outcomes(passed=1)
    assert "no power known: its control harmless did not fail in 30 executions" in summary(run)


def test_without_a_control_no_power_is_known(suite):
    suite.write(TWINS + MARKED.format(control="None"))
    assert "no power known without a variant that fails" in summary(suite.here())


def test_a_method_has_another_method_of_its_class_as_control(suite):
    suite.write(f"""{TWINS}
class TestCounter:
    def setup_method(self): self.counter = {{"n": 0}}
    def without(self): both_add(self.counter)
    @pytest.mark.racecheck(**SEARCH, positive_control="without")
    def test_sound(self): both_add(self.counter, threading.Lock())
""")
    said = summary(suite.here())
    assert "as easy to meet as in without," in said
    assert "first with AssertionError at" in said


def test_the_control_of_a_parametrised_test_gets_its_parameters(suite):
    suite.write(f"""{TWINS}
def twin(counter, n): both_add(counter); assert n == 7
@pytest.mark.parametrize("n", [7])
@pytest.mark.racecheck(**SEARCH, positive_control=twin)
def test_sound(counter, n): both_add(counter, threading.Lock())
""")
    said = summary(suite.here())
    assert "as easy to meet as in twin," in said
    assert " of 30 executions" in said
    assert "failed in 30 of 30" not in said  # which it would with another parameter


@pytest.mark.parametrize(
    ("control", "said"),
    [
        ("'without_loch'", "did you mean 'without_lock'?"),
        ("3", "expected a function of the module"),
        ("'test_other.py::test_x'", "expected a function of the module"),
    ],
)
def test_a_control_that_is_none_is_refused_before_any_test_runs(suite, control, said):
    suite.write(TWINS + MARKED.format(control=control))
    run = suite.here()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert said in run.out + run.err


def test_a_control_in_a_child_process_is_refused(suite):
    suite.write(TWINS + MARKED.format(control="without_lock"))
    run = suite.here("--racecheck-isolate")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "isolate=True ignores positive_control" in run.out + run.err


def test_a_replay_does_without_the_control(suite):
    suite.write(TWINS + MARKED.format(control="without_lock"))
    run = suite.here("--racecheck-replay=rc1:random:0")
    assert "without_lock" not in summary(run)
