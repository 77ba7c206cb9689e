"""The marker and the fixture: what makes a test one that is explored, and what it may look like."""

from __future__ import annotations

import pytest


def test_a_marked_test_is_explored_and_its_race_is_found(racy):
    run = racy.here()
    run.outcomes(failed=1, passed=1)
    assert run.status == 1
    assert run.findings["test_racy"]["verdict"] == "reproduced"
    assert run.findings["test_sound"]["verdict"] == "ruled out"
    run.says("assert counter.value == 2", "assert 1 == 2", "--racecheck-replay=rc1:")


def test_a_test_without_marker_is_run_once(suite):
    suite.write("""
calls = []
def test_plain():
    calls.append(1)
    together(print, print)
def test_it_ran_once():
    assert len(calls) == 1
""")
    run = suite.here()
    run.outcomes(passed=2)
    assert run.findings == {}


def test_the_marker_runs_the_body_many_times(suite):
    suite.write("""
calls = []
@pytest.mark.racecheck(strategy="random", executions=17)
def test_many():
    calls.append(1)
    together(lambda: None, lambda: None)
def test_it_ran_more_than_once():
    assert len(calls) >= 17
""")
    run = suite.here()
    run.outcomes(passed=2)
    assert run.finding["executions"] == 17


def test_the_fixture_alone_is_enough(suite):
    suite.write("""
def test_lost(racecheck):
    box = {"value": 0}
    def add():
        box["value"] += 1
    racecheck.spawn(add, name="left")
    racecheck.spawn(add, name="right")
    racecheck.join()
    assert box["value"] == 2
""")
    run = suite.here()
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced"
    run.says("1 left", "2 right")


def test_the_fixture_hands_on_arguments_and_keeps_results(suite):
    suite.write("""
def test_sums(racecheck):
    tasks = [racecheck.spawn(pow, 2, n) for n in range(3)]
    racecheck.join()
    assert [task.result for task in tasks] == [1, 2, 4]
""")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["verdict"] == "ruled out"


def test_tasks_that_were_not_joined_are_waited_for(suite):
    suite.write("""
def test_forgets(racecheck):
    racecheck.spawn(lambda: None)
    def fail():
        raise ValueError("nobody joined me")
    racecheck.spawn(fail)
""")
    run = suite.here()
    run.outcomes(failed=1)
    run.says("nobody joined me")


def test_each_parameter_is_a_test_of_its_own(suite):
    suite.write("""
locked_and_bare = [pytest.param(True, marks=coarse), pytest.param(False, marks=quick)]
@pytest.mark.parametrize("locked", locked_and_bare, ids=["locked", "bare"])
def test_add(locked):
    lock, box = threading.Lock() if locked else None, [0]
    def add():
        if lock is None:
            box[0] += 1
        else:
            with lock:
                box[0] += 1
    together(add, add)
    assert box[0] == 2
""")
    run = suite.here()
    run.outcomes(passed=1, failed=1)
    assert run.findings["test_add[locked]"]["verdict"] == "ruled out"
    assert run.findings["test_add[bare]"]["verdict"] == "reproduced"
    run.says("pytest 'test_it.py::test_add[bare]' --racecheck-replay=")


def test_a_mark_on_one_parameter_concerns_that_one(suite):
    suite.write("""
@pytest.mark.parametrize("n", [1, pytest.param(2, marks=quick)])
def test_n(n):
    together(print, print)
""")
    run = suite.here()
    run.outcomes(passed=2)
    assert list(run.findings) == ["test_n[2]"]


def test_a_class_gets_a_fresh_instance_and_its_set_up_in_each_execution(suite):
    suite.write("""
@coarse
class TestBox:
    calls = []

    def setup_method(self):
        self.value = 0

    def teardown_method(self):
        type(self).calls.append(self.value)

    def test_add(self):
        assert self.value == 0 and not hasattr(self, "left")
        self.left = True
        lock = threading.Lock()
        def add():
            with lock:
                self.value += 1
        together(add, add)
        assert self.value == 2

    def test_without_set_up_of_its_own(self):
        assert not hasattr(self, "left")

def test_every_set_up_had_its_tear_down():
    assert len(TestBox.calls) > 3
""")
    run = suite.here()
    run.outcomes(passed=3)
    assert run.findings["TestBox::test_add"]["verdict"] == "ruled out"


def test_an_instance_is_fresh_also_where_nothing_is_set_up(suite):
    suite.write("""
class TestPlain:
    @coarse
    def test_fresh(self):
        assert not hasattr(self, "left")
        self.left = True
        together(print, print)
""")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["verdict"] == "ruled out"


@pytest.mark.parametrize(
    ("module", "on_class"), [("pytestmark = coarse", ""), ("", "@coarse")], ids=["module", "class"]
)
def test_a_marker_above_the_test_counts(suite, module, on_class):
    suite.write(f"""
{module}
{on_class}
class TestIt:
    def test_one(self): together(print, print)
""")
    assert suite.here().finding["verdict"] == "ruled out"


def test_the_nearest_marker_counts(suite):
    suite.write("""
pytestmark = pytest.mark.racecheck(strategy="random", executions=50)
@pytest.mark.racecheck(strategy="pct", executions=7)
def test_near(): together(print, print)
""")
    finding = suite.here().finding
    assert (finding["strategy"], finding["executions"]) == ("pct", 7)


def test_a_body_without_threads_is_said_to_have_nothing_to_interleave(suite):
    suite.write("@quick\ndef test_alone(): pass\n")
    run = suite.here()
    run.outcomes(passed=1)
    run.says("0 tests explored, 0 executions: nothing to interleave; 1 started no thread")


def test_strict_markers_and_strict_config_know_our_names(racy):
    racy.configure(racecheck_seconds=5)
    racy.here("--strict-markers", "--strict-config").outcomes(failed=1, passed=1)


def test_the_marker_is_listed(suite):
    suite.here("--markers").says("@pytest.mark.racecheck(", "run this test under many thread")


def test_options_and_ini_values_are_in_the_help(suite):
    run = suite.here("--help")
    for name in ("seed", "executions", "seconds", "strategy", "points"):
        run.says(f"--racecheck-{name}=", f"racecheck_{name} (string)")
    run.says("--racecheck-replay=", "--racecheck-isolate", "racecheck_strict (bool)")
