"""Together with pytest-xdist, pytest-timeout, pytest-cov and Hypothesis."""

from __future__ import annotations

import json
import shlex

import pytest
from tests.plugin.conftest import RACY, SOUND

XDIST = ("-p", "xdist")
TIMEOUT = ("-p", "pytest_timeout")
COV = ("-p", "pytest_cov.plugin")
HYPOTHESIS = ("-p", "_hypothesis_pytestplugin")


# --- pytest-xdist ------------------------------------------------------------------------------


def test_workers_explore_and_the_controller_reports(suite):
    pytest.importorskip("xdist")
    suite.write(RACY + SOUND)
    suite.write(
        """
@pytest.mark.racecheck(isolate=True, patience_s=0.3, replays=1)
def test_crash(): together(os.abort)
@pytest.mark.parametrize("n", range(4))
@coarse
def test_many(n): together(lambda: None)
def test_plain(): pass
""",
        "test_more.py",
    )
    run = suite.apart(*XDIST, "-n2")
    run.outcomes(failed=2, passed=6)
    assert len(run.findings) == 7
    assert run.findings["test_racy"]["verdict"] == "reproduced"
    assert run.findings["test_crash"]["failure"]["type"] == "SIGABRT"
    run.says("7 tests explored", "2 reproduced, 5 ruled out", "REPRODUCED after")
    line = next(line for line in run.out.splitlines() if line.startswith("replay: pytest test_it"))
    again = suite.apart(*shlex.split(line)[2:])
    assert again.finding["schedule"] == run.findings["test_racy"]["schedule"]
    also_there = suite.apart(*XDIST, "-n1", *shlex.split(line)[2:])
    assert also_there.finding["verdict"] == "reproduced"


@pytest.mark.slow
def test_the_same_seed_finds_the_same_in_any_number_of_workers(suite):
    pytest.importorskip("xdist")
    suite.write(RACY + RACY.replace("test_racy", "test_other").replace("Counter", "Tally"))

    def found(*args: str) -> dict:
        run = suite.apart(*args, "--racecheck-strategy=random", "--racecheck-seed=5")
        return {name: (f["schedule"], f["first_failure"]) for name, f in run.findings.items()}

    assert found() == found(*XDIST, "-n2")


SEVERAL = """
def three(wrong):
    lock, moves = threading.Lock(), []
    def move(digit):
        def run():
            for _ in range(3):
                with lock: moves.append(digit)
        return run
    together(move(0), move(1), move(2))
    number = int("".join(map(str, moves)), 3)
    if wrong(number): raise ValueError(number)
sampled = pytest.mark.racecheck(
    strategy="surw", points="sync", executions=90, seconds=99, patience_s=20, replays=1)
@sampled
def test_first(): three(lambda number: number % 17 == 2)
@sampled
@pytest.mark.parametrize("n", range(2))
def test_other(n): three(lambda number: number % 31 == n)
@sampled
def test_never(tmp_path): three(lambda number: (tmp_path / "used").write_text("by me") == 0)
"""


#: On a busy machine simplifying a schedule ends early, and not always at the same one.
UNHURRIED = """
from pytest_racecheck.diagnosis import minimise, suspects
minimise.MAX_SECONDS = suspects.MAX_SECONDS = 60.0
"""


def without_seconds(findings: dict) -> dict:
    return {name: {**finding, "seconds": 0} for name, finding in findings.items()}


def test_each_test_is_searched_alike_with_any_number_of_workers(suite):
    pytest.importorskip("xdist")
    suite.write(SEVERAL)
    suite.write(UNHURRIED, "conftest.py", head="")
    alone = suite.apart(*XDIST, "-n0")
    shared_out = suite.apart(*XDIST, "-n2")
    assert without_seconds(shared_out.findings) == without_seconds(alone.findings)
    assert {f["verdict"] for f in alone.findings.values()} == {"reproduced", "inconclusive"}


def test_a_worker_searches_alone_because_it_has_threads_of_its_own(suite):
    pytest.importorskip("xdist")
    suite.write(SEVERAL)
    run = suite.apart(*XDIST, "-n1", "-k", "never", "--racecheck-workers=2")
    assert run.finding["executions"] == 90
    assert "one process made the search, not 2: a fork would not" in run.finding["warnings"][0]
    auto = suite.apart(*XDIST, "-n1", "-k", "never", "--racecheck-workers=auto")
    assert auto.finding["warnings"] == []


def test_processes_that_share_a_search_have_folders_and_outputs_of_their_own(suite):
    suite.write(
        """
@pytest.mark.racecheck(strategy="random", points="sync", executions=600, seconds=99, workers=3)
def test_used(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lock = threading.Lock()
    def use(number):
        for _ in range(3):
            with lock:
                with open("log", "a") as file: print(number, file=file)
                print("said by", number)
    together(lambda: use(1), lambda: use(2))
    assert len((tmp_path / "log").read_text().split()) == 6
    assert capsys.readouterr().out.count("said by") == 6
    print("at the end")
    os.write(1, b"natively")
"""
    )
    run = suite.apart("-rP", "--basetemp=base")
    run.outcomes(passed=1)
    assert run.finding["executions"] == 600
    assert run.finding["warnings"] == []
    assert [run.out.count(text) for text in ("at the end", "natively")] == [1, 1]
    own = sorted(path.name for path in (suite.path / "base").iterdir())
    assert own[:2] == ["racecheck-worker-1", "racecheck-worker-2"]


@pytest.mark.parametrize(
    ("mark", "args", "says"),
    [
        ("@pytest.mark.racecheck(strategy='rnd')", [], "unknown strategy 'rnd'"),
        ("@quick", ["--racecheck-seconds=x"], "--racecheck-seconds must be a number, got 'x'"),
        ("@quick", ["--racecheck-replay=x"], "'x' is not a replay text"),
    ],
)
def test_a_mistake_is_one_sentence_also_in_a_worker(suite, mark, args, says):
    pytest.importorskip("xdist")
    suite.write(f"{mark}\ndef test_it(): together(print)\ndef test_plain(): pass\n")
    run = suite.apart(*XDIST, "-n1", *args)
    assert run.status != 0
    run.says(says)
    assert "INTERNALERROR" not in run.out + run.err
    assert "Traceback" not in run.out + run.err


def test_what_cannot_be_explored_is_counted_in_the_controller(suite):
    pytest.importorskip("xdist")
    suite.write("import unittest\nclass TestOld(unittest.TestCase):\n    def test_it(self): pass\n")
    suite.apart(*XDIST, "-n1", "--racecheck").says("not explored, run once: test_it.py::TestOld")


# --- pytest-timeout ----------------------------------------------------------------------------

ENDLESS = """
@pytest.mark.timeout(1, method="{method}")
@pytest.mark.racecheck(seconds=300, executions=10**9, strategy="random", patience_s=30)
def test_search():
    lock, total = threading.Lock(), [0]
    def add():
        with lock: total[0] += 1
    together(add, add, add)

def test_after(): pass
"""
NATIVE = """
@pytest.mark.timeout(1, method="{method}")
@pytest.mark.racecheck(patience_s=30)
def test_native():
    mine, other = socket.socketpair()
    {call}

def test_after(): pass
"""


def test_a_time_out_by_signal_ends_a_search(suite):
    pytest.importorskip("pytest_timeout")
    suite.write(ENDLESS.format(method="signal"))
    run = suite.apart(*TIMEOUT)
    run.outcomes(failed=1, passed=1)
    run.says("Failed: Timeout (>1.0s) from pytest-timeout.")
    assert "signals.py" not in run.section("FAILURES").split("Captured")[0]


@pytest.mark.parametrize("call", ["mine.recv(1)", "together(lambda: mine.recv(1))"])
def test_a_time_out_by_signal_ends_a_native_call(suite, call):
    pytest.importorskip("pytest_timeout")
    suite.write(NATIVE.format(method="signal", call=call))
    run = suite.apart(*TIMEOUT)
    run.outcomes(failed=1, passed=1)
    run.says("Failed: Timeout (>1.0s) from pytest-timeout.")


@pytest.mark.parametrize(
    "body", [pytest.param(ENDLESS, marks=pytest.mark.slow), NATIVE], ids=["search", "native"]
)
def test_a_time_out_by_thread_ends_the_process_as_ever(suite, body):
    pytest.importorskip("pytest_timeout")
    suite.write(body.format(method="thread", call="together(lambda: mine.recv(1))"))
    run = suite.apart(*TIMEOUT)
    assert run.status == 1
    run.says("Timeout")


def test_a_time_out_ends_a_child_process_too(suite):
    pytest.importorskip("pytest_timeout")
    suite.write(ENDLESS.format(method="signal"))
    run = suite.apart(*TIMEOUT, "--racecheck-isolate")
    run.outcomes(failed=1, passed=1)
    run.says("Failed: Timeout (>1.0s) from pytest-timeout.")


def test_a_test_within_its_time_is_explored(suite):
    pytest.importorskip("pytest_timeout")
    suite.write(RACY + SOUND)
    suite.apart(*TIMEOUT, "--timeout=60").outcomes(failed=1, passed=1)


# --- pytest-cov --------------------------------------------------------------------------------

LIBRARY = """
def work(box):
    if box is None:
        return "never"
    for n in range(2):
        box.append(n)
    return "done"
"""
USE = """
import library
{mark}
def test_it():
    box = []
    together(lambda: library.work(box))
    assert box == [0, 1]
"""


@pytest.mark.parametrize(
    "branch",
    [(), pytest.param(("--cov-branch",), marks=pytest.mark.slow)],
    ids=["lines", "branches"],
)
def test_lines_that_run_in_a_task_are_covered_as_without_us(suite, branch):
    pytest.importorskip("pytest_cov")
    suite.write(LIBRARY, "library.py", head="")

    def covered(mark: str) -> dict:
        suite.write(USE.format(mark=mark))
        run = suite.apart(*COV, "--cov=library", "--cov-report=json", *branch)
        run.outcomes(passed=1)
        assert bool(run.findings) == bool(mark)
        found = json.loads((suite.path / "coverage.json").read_text())["files"]["library.py"]
        return {
            key: found.get(key) for key in ("executed_lines", "missing_lines", "missing_branches")
        }

    plain = covered("")
    assert plain["missing_lines"] == [4]
    assert covered("@quick") == plain
    assert covered("@coarse") == plain


# --- Hypothesis --------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [(), (*XDIST, "-n2")], ids=["alone", "xdist"])
def test_given_is_one_error_by_name_and_the_other_test_runs(suite, workers):
    pytest.importorskip("hypothesis")
    pytest.importorskip("xdist")
    suite.write("""
from hypothesis import given, strategies as st
@quick
@given(st.integers())
def test_it(n): together(print)
def test_other(): pass
""")
    run = suite.apart(*HYPOTHESIS, *workers)
    run.outcomes(passed=1, errors=1)
    run.says("cannot explore a test with @given, which repeats it already; call explore()")


@pytest.mark.slow
def test_explore_inside_given_draws_the_inputs(suite):
    pytest.importorskip("hypothesis")
    suite.write("""
import pytest_racecheck
from hypothesis import given, settings, strategies as st

@settings(deadline=None, max_examples=20, derandomize=True, database=None)
@given(start=st.integers(0, 50))
def test_it(start):
    def body():
        box = [start]
        def add():
            if start > 7: box[0] += 1
        together(add, add)
        assert box[0] in (start, start + 2)
    finding = pytest_racecheck.explore(body, executions=50)
    assert finding.failure is None, finding.report()
""")
    run = suite.apart(*HYPOTHESIS, "--racecheck")
    run.outcomes(failed=1)
    run.says("start=8", "REPRODUCED after")  # the smallest input that races
    run.says("not explored, run once: test_it.py::test_it: a test with @given")
