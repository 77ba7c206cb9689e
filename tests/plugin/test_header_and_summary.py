"""The header line, and the section at the end that says what every verdict is worth."""

from __future__ import annotations

import pytest


def header(run) -> list[str]:
    return [line for line in run.out.splitlines() if line.startswith("racecheck: ")]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--racecheck"], "racecheck: every test that starts a thread"),
        (["--racecheck-seconds=3"], "racecheck: marked tests, seconds 3"),
        (
            ["--racecheck", "--racecheck-seed=4", "--racecheck-strategy=pct"],
            "racecheck: every test that starts a thread, seed 4, strategy pct",
        ),
        (["--racecheck-isolate"], "racecheck: marked tests, isolate"),
    ],
)
def test_the_header_says_which_options_were_given(suite, args, line):
    suite.write("def test_it(): pass\n")
    assert header(suite.here(*args)) == [line]


def test_there_is_no_header_without_an_option(racy):
    assert header(racy.here()) == []


def test_the_header_goes_with_no_header(racy):
    assert header(racy.here("--no-header", "--racecheck-seed=4")) == []


def test_the_summary_counts_tests_executions_and_verdicts(suite):
    suite.write("""
@coarse
def test_sound(): together(lambda: None)
@coarse
def test_bad(): together(lambda: None); assert 0
@pytest.mark.racecheck(strategy="random", executions=9)
def test_sampled(): together(lambda: None)
@coarse
def test_alone(): pass
def test_plain(): pass
""")
    run = suite.here()
    run.outcomes(passed=4, failed=1)
    total = sum(finding["executions"] for finding in run.findings.values()) - 1
    run.says(
        f"3 tests explored, {total} executions: 1 reproduced, 1 ruled out, 1 inconclusive; "
        "1 started no thread"
    )
    section = run.section("racecheck")
    assert "reproduced: test_it.py::test_bad" in section
    assert "ruled out: test_it.py::test_sound" in section
    assert "inconclusive: test_it.py::test_sampled" in section
    run.says("no failure in 9 schedules of 2 tasks; not a proof")
    assert "test_plain" not in section
    assert "test_alone" not in section


def test_there_is_no_summary_where_nothing_was_explored(suite):
    suite.write("def test_plain(): together(lambda: None)\n")
    run = suite.here()
    assert "racecheck" not in run.out.replace(str(suite.path), "").replace("plugins: racecheck", "")


def test_a_ruled_out_verdict_says_its_scope(suite):
    suite.write("""
@pytest.mark.racecheck(strategy="bounded", preemptions=1)
def test_bounded():
    together(lambda: None, lambda: None)
""")
    run = suite.here()
    assert (run.finding["verdict"], run.finding["grade"]) == ("ruled out", "bounded")
    run.says("every schedule with at most 1 preemption of 3 tasks")


def test_a_daemon_left_over_is_a_warning_with_its_name_and_birthplace(suite):
    suite.write("""
@quick
def test_leaves():
    threading.Thread(target=threading.Event().wait, name="cleaner", daemon=True).start()
""")
    run = suite.here()
    run.outcomes(passed=1)
    run.says("warning: cleaner (daemon), started at test_it.py:14, was still there at the end")


def test_junit_xml_carries_the_finding(racy):
    racy.here("--junitxml=report.xml")
    text = (racy.path / "report.xml").read_text()
    assert '<property name="racecheck"' in text
    assert "reproduced" in text
    assert "racecheck-replay=rc1:" in text  # in the text of the failure


def test_quiet_runs_keep_the_summary(racy):
    assert "2 tests explored" in racy.here("-q").out
