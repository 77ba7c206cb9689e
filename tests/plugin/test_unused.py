"""Installed and not used, the plugin leaves no trace: no module, patch, thread, file or line."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

LOOK = """
import builtins, gc, json, queue, signal, _thread

def state():
    taken = [threading.Thread.start, threading.Thread.join, threading.Thread.is_alive,
             threading.Condition.notify, threading.Condition.wait, queue.SimpleQueue,
             time.sleep, time.monotonic, time.time, time.perf_counter, os._exit, os.fork,
             _thread.start_new_thread, threading.excepthook, sys.excepthook, sys.unraisablehook,
             sys.gettrace(), sys.getprofile(), gc.isenabled(), builtins.__import__]
    taken += [type(threading.Lock()).__dict__[name] for name in ("acquire", "release", "__enter__")]
    taken += [signal.getsignal(n) for n in sorted(signal.valid_signals())]
    taken += [sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0)]
    return [repr(each) for each in taken]
"""
DUMP = """
def test_look():
    ours = sorted(name for name in sys.modules if name.startswith("pytest_racecheck"))
    threads = [thread.name for thread in threading.enumerate()]
    tasks = len(os.listdir("/proc/self/task"))
    with open("seen.json", "w") as file:
        seen = {"ours": ours, "threads": threads, "tasks": tasks, "all": sorted(sys.modules)}
        json.dump(seen, file)
"""
NOT_CHEAP = ("zmq", "rich", "bytecode", "psycopg", "ctypes", "multiprocessing", "asyncio")


def seen_in(suite) -> dict:
    return json.loads((suite.path / "seen.json").read_text())


@pytest.fixture
def plain(suite):
    """A suite that uses nothing of ours, with the plugin found by its entry point."""
    suite.write(LOOK + DUMP)
    suite.load_by_entry_point()
    return suite


NO_OTHERS = tuple(
    arg
    for name in (
        "hypothesispytest",
        "xdist",
        "xdist.looponfail",
        "timeout",
        "pytest_cov",
        "frontrun",
    )
    for arg in ("-p", f"no:{name}")
)


def test_nothing_of_ours_is_imported_but_the_entry_module(plain):
    plain.apart(*NO_OTHERS).outcomes(passed=1)
    seen = seen_in(plain)
    assert seen["ours"] == ["pytest_racecheck", "pytest_racecheck.plugin"]
    assert not [name for name in NOT_CHEAP if name in seen["all"]]


def test_the_entry_module_brings_in_nothing_that_pytest_has_not(plain):
    plain.apart(*NO_OTHERS).outcomes(passed=1)
    with_us = set(seen_in(plain)["all"])
    plain.apart(*NO_OTHERS, "-p", "no:racecheck").outcomes(passed=1)
    without_us = set(seen_in(plain)["all"])
    assert with_us - without_us == {"pytest_racecheck", "pytest_racecheck.plugin"}


def test_no_thread_runs_and_no_file_is_written(plain):
    before = {path.name for path in plain.path.iterdir()}
    run = plain.apart(*NO_OTHERS)
    run.outcomes(passed=1)
    seen = seen_in(plain)
    assert seen["threads"] == ["MainThread"]
    assert seen["tasks"] == 1
    written = {path.name for path in plain.path.iterdir()} - before
    assert written <= {"seen.json", "finding_log.py", "__pycache__", "stdout", "stderr"}


def test_no_line_of_ours_is_printed(plain):
    run = plain.apart(*NO_OTHERS)
    lines = [line for line in run.out.splitlines() if not line.startswith("plugins: ")]
    assert "racecheck" not in "\n".join(lines).replace(str(plain.path), "")


def test_nothing_is_patched_before_between_and_after_explored_tests(suite):
    suite.write(
        LOOK
        + """
BEFORE = state()
def test_before(): assert state() == BEFORE
@quick
def test_explored(): together(lambda: None)
def test_between(): assert state() == BEFORE
@quick
def test_fails():
    together(lambda: None)
    assert 0
@quick
def test_deadlocks():
    threading.Event().wait()
@quick
def test_skips():
    pytest.skip("not today")
def test_after(): assert state() == BEFORE
"""
    )
    suite.apart("-p", "no:threadexception", "-p", "no:unraisableexception").outcomes(
        passed=4, failed=2, skipped=1
    )


def test_an_option_of_ours_alone_imports_nothing_more(plain):
    plain.apart(*NO_OTHERS, "--racecheck-seconds=3").outcomes(passed=1)
    assert seen_in(plain)["ours"] == ["pytest_racecheck", "pytest_racecheck.plugin"]


def test_it_can_be_blocked_by_name(suite):
    suite.load_by_entry_point()
    suite.write("def test_it(): assert 'pytest_racecheck.plugin' not in sys.modules\n")
    suite.apart("-p", "no:racecheck").outcomes(passed=1)
    suite.write("@pytest.mark.racecheck\ndef test_it(): pass\n")
    run = suite.apart("-p", "no:racecheck", "--strict-markers")
    run.says("'racecheck' not found in `markers` configuration option")


def test_it_can_be_loaded_by_name_where_autoloading_is_off(racy):
    run = racy.apart()  # that is how every other test here does it, too
    run.outcomes(failed=1, passed=1)
    assert set(run.findings) == {"test_racy", "test_sound"}


def test_it_is_loaded_by_its_entry_point(racy):
    racy.load_by_entry_point()
    run = racy.apart(*NO_OTHERS)
    run.outcomes(failed=1, passed=1)
    assert set(run.findings) == {"test_racy", "test_sound"}
    run.says("racecheck-0")


def test_our_modules_cost_less_than_five_milliseconds_to_import(plain):
    """The best of some runs, because the clock of the import timer runs on while others work."""
    costs = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", "import pytest, pytest_racecheck.plugin"],
            capture_output=True,
            text=True,
            check=True,
        )
        found = re.findall(r"import time: +(\d+) \| +\d+ \| +(pytest_racecheck\S*)", done.stderr)
        assert {name for _, name in found} == {"pytest_racecheck", "pytest_racecheck.plugin"}
        costs.append(sum(int(microseconds) for microseconds, _ in found))
    assert min(costs) < 5000, costs
