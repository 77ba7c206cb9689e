"""Prints, log messages and warnings: those of one execution, the failing one where there is one."""

from __future__ import annotations

import pytest

NOISY = """
import logging, warnings
count = [0]

@pytest.mark.racecheck(patience_s=0.3, executions=300, strategy="random")
def test_noisy():
    count[0] += 1
    print(f"execution {count[0]}")
    os.write(1, b"native out\\n")
    os.write(2, b"native err\\n")
    logging.warning("logged")
    warnings.warn("warned")
    box = [0]
    def add():
        print("adding")
        box[0] += 1
    together(add, add)
    assert box[0] == WANTED
"""


@pytest.mark.parametrize("capture", ["fd", "sys"])
def test_only_the_failing_execution_is_shown(suite, capture):
    suite.write(NOISY.replace("WANTED", "2"))
    run = suite.apart(f"--capture={capture}")
    run.outcomes(failed=1)
    shown = run.out
    assert shown.count("execution ") - shown.count("after ") <= 2
    assert len([line for line in shown.splitlines() if line.startswith("execution ")]) == 1
    assert len([line for line in shown.splitlines() if line == "adding"]) == 2
    assert len([line for line in shown.splitlines() if "WARNING" in line and "logged" in line]) == 1
    if capture == "fd":
        assert shown.count("native out") == shown.count("native err") == 1 + 1  # source, and said
    assert shown.count("UserWarning: warned") == 1


def test_a_test_that_passes_shows_its_last_execution_when_asked(suite):
    suite.write(NOISY.replace("WANTED", "box[0]"))
    run = suite.apart("-rP")
    run.outcomes(passed=1)
    assert len([line for line in run.out.splitlines() if line.startswith("execution ")]) == 1
    assert len([line for line in run.out.splitlines() if line == "adding"]) == 2


def test_a_child_process_shows_its_failing_execution(suite):
    suite.write(NOISY.replace("WANTED", "2"))
    run = suite.apart("--racecheck-isolate")
    run.outcomes(failed=1)
    lines = run.out.splitlines()
    assert len([line for line in lines if line.startswith("execution ")]) == 1
    assert len([line for line in lines if line == "adding"]) == 2
    assert len([line for line in lines if line == "native out"]) == 1
    assert len([line for line in lines if line == "native err"]) == 1


def test_with_s_everything_is_shown_as_asked(suite):
    suite.write("""
@pytest.mark.racecheck(strategy="random", executions=5)
def test_it():
    print("\\nhello")
    together(lambda: None)
""")
    run = suite.apart("-s")
    assert run.out.splitlines().count("hello") >= 5


def test_a_warning_is_shown_once_however_many_executions_warn(suite):
    suite.write("""
import warnings
@coarse
def test_it():
    def warn():
        warnings.warn("from a task", DeprecationWarning)
    together(warn, warn)
""")
    run = suite.here()
    run.outcomes(passed=1, warnings=1)
    run.says("DeprecationWarning: from a task")


def test_under_w_error_a_warning_is_a_failure_and_nothing_of_ours_warns(suite):
    suite.write("""
import warnings
@coarse
def test_warns():
    together(lambda: warnings.warn("bad"))
@coarse
def test_silent():
    together(lambda: None)
@coarse
def test_dead():
    lock = threading.Lock()
    with lock:
        lock.acquire()
def test_plain(): pass
""")
    run = suite.apart("-W", "error")
    run.outcomes(failed=2, passed=2)
    assert run.findings["test_warns"]["failure"]["type"] == "UserWarning"
    assert run.findings["test_dead"]["failure"]["kind"] == "deadlock"
    run = suite.apart("-W", "error", "--racecheck-isolate", "--racecheck")
    run.outcomes(failed=2, passed=2)


def test_a_filter_of_the_body_is_honoured(suite):
    suite.write("""
import warnings
@coarse
def test_it():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        together(lambda: warnings.warn("hidden"))
    with pytest.warns(UserWarning, match="seen"):
        warnings.warn("seen")
""")
    suite.here("-Werror", "-Wignore::pytest.PytestAssertRewriteWarning").outcomes(passed=1)


def test_huge_prints_cost_what_one_execution_prints(suite):
    suite.write("""
@pytest.mark.racecheck(strategy="random", executions=40, seconds=60)
def test_it():
    together(lambda: print("x" * 1_000_000))
def test_size():
    import pathlib
    # The most that this process ever had; what getrusage says is that of its parent as well.
    peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(peak) < 400_000  # kB; 40 MB would stay
""")
    suite.apart().outcomes(passed=2)


def test_invalid_utf8_and_control_characters_do_not_break_the_report(suite):
    suite.write("""
@quick
def test_it():
    os.write(1, b"\\xff\\xfe raw \\x1b[31m\\n")
    print("lone surrogate: \\udcff".encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    together(lambda: None)
    assert 0, "\\x1b[31mred\\x00"
""")
    # pytest hands captured bytes on as they are: without isolation its own output is no UTF-8
    for args in (["--show-capture=no"], ["--racecheck-isolate"]):
        run = suite.apart(*args)
        run.outcomes(failed=1)
        _, ours = run.out.split(" racecheck --", 1)
        report = ours[: ours.index("replay: ")]
        assert "red" in report
        assert not [character for character in report if ord(character) < 32 and character != "\n"]
    run.says("lone surrogate", "\ufffd\ufffd raw")
