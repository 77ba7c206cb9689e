"""Records as text: within the width, nothing dangerous, and with what the verdict is worth."""

from dataclasses import replace

import pytest

from pytest_racecheck.catalogue.record import Found, Record
from pytest_racecheck.catalogue.show import (
    closing_line,
    news_line,
    printable,
    results_table,
    short_scope,
    told,
)
from pytest_racecheck.free import Rate

FAILURE = {"kind": "deadlock", "type": "D", "message": "m", "where": "w.py:1"}
REPRODUCED = Record(
    "a_scenario", "buggy", "buggy", (), "controlled", "inproc", "reproduced", True,
    Found("reproduced", None, 12, 0.5, 7, FAILURE, "rc1:x", (3, 3), 1, "3 of 3."),
)  # fmt: skip
RULED_OUT = replace(
    REPRODUCED, variant="fixed", found=Found("ruled out", "bounded", 168, 1.0, preemptions=2)
)
EXHAUSTED = replace(RULED_OUT, found=replace(RULED_OUT.found, grade="exhausted"))
RATE = replace(
    REPRODUCED,
    mode="free",
    found=replace(REPRODUCED.found, executions=20, replays=(12, 20), schedule=None),
)
CLEAN = replace(
    RATE, found=Found("inconclusive", "statistical", 200, reason="None."), control=Rate(5, 5)
)
NO_POWER = replace(CLEAN, found=Found("inconclusive", None, 5), control=Rate(1, 5))
NOT_RUN = replace(CLEAN, found=Found(reason="could not be run here"), kept=None, control=None)
ALL = [REPRODUCED, RULED_OUT, EXHAUSTED, RATE, CLEAN, NO_POWER, NOT_RUN]


def scope_of(record, width):
    _, line = results_table([record], {"a_scenario": "A title"}, width)
    return line.split(record.found.verdict)[1].strip()


@pytest.mark.parametrize(
    ("record", "narrow", "wide"),
    [
        (REPRODUCED, "execution 7", "deadlock, execution 7, 3 of 3 replays"),
        (RULED_OUT, "<= 2 preemptions", "<= 2 preemptions, 168 executions"),
        (EXHAUSTED, "exhausted", "exhausted, 168 executions"),
        (RATE, "12 of 20 runs", "deadlock in 12 of 20 runs"),
        (CLEAN, "0 of 200 runs", "0 of 200 runs, control 5 of 5"),
        (NO_POWER, "0/5, control 1/5", "0 of 5 runs, control 1 of 5 (no power)"),
        (NOT_RUN, "", "could not be run here"),
    ],
)
def test_the_scope_fits_the_width(record, narrow, wide):
    long_name = replace(record, variant="a_variant_with_a_very_long_name")
    assert scope_of(long_name, 80) == narrow
    assert scope_of(record, 160) == wide


@pytest.mark.parametrize("record", ALL)
@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_terminal(record, width):
    record = replace(record, variant="v" * 60, transport="inproc")
    lines = results_table([record], {"a_scenario": "A title " * 30}, width)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("record", ALL)
def test_the_short_scope_fits_where_the_narrow_table_has_room(record):
    assert len(short_scope(record.as_json())) <= 17


def test_a_line_of_news_stands_for_itself():
    assert news_line(CLEAN) == (
        "kept: a_scenario/buggy free inproc: inconclusive, 0 of 200 runs, control 5 of 5 (0.0 s)"
    )


def test_what_a_body_printed_cannot_move_the_cursor():
    assert printable("a\033[2Jb\x9bc\rd\n\te\u202e") == "a\\x1b[2Jb\\x9bc\\rd\n\te\\u202e"
    broken = replace(REPRODUCED, kept=False, report="\033[2J")
    assert all("\033" not in line for line in told(broken, 80, ["racecheck", "run"]))


def test_a_told_finding_ends_with_the_command_quoted_for_a_shell():
    lines = told(replace(REPRODUCED, kept=False), 80, ["racecheck", "run", "a b"])
    assert lines[1].startswith("BROKEN  a_scenario/buggy controlled inproc: reproduced, promised")
    assert lines[-1] == "  again: racecheck run 'a b'"


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((3, 3, 0, 0), "3 promises: 3 kept (1.2 s)"),
        ((3, 1, 2, 0), "3 promises: 1 kept, 2 BROKEN (1.2 s)"),
        ((3, 2, 0, 1), "3 promises: 2 kept, 1 could not be run here (1.2 s)"),
        (
            (5, 2, 0, 1),
            "5 promises: 2 kept, 1 could not be run here, 2 not reached (interrupted) (1.2 s)",
        ),
    ],
)
def test_the_closing_line_counts(counts, line):
    asked, kept, broken, not_run = counts
    summary = {
        "asked": asked,
        "findings": kept + broken + not_run,
        "kept": kept,
        "broken": broken,
        "not_run": not_run,
        "seconds": 1.23,
    }
    assert closing_line(summary) == line


def test_what_failed_on_free_threads_comes_before_its_long_traceback():
    failure = {"kind": "assertion", "type": "AssertionError", "message": "lost", "where": "w.py:3"}
    found = replace(REPRODUCED.found, failure=failure, reason="3 of 9 runs failed.")
    record = replace(REPRODUCED, mode="free", kept=False, found=found, report="File inner\n" * 20)
    lines = told(record, 80, ["racecheck", "run"])
    assert lines.index("  AssertionError at w.py:3: lost") < lines.index("  File inner")
