"""Mistakes in marker, options and ini file: one sentence before any test runs, status 4."""

from __future__ import annotations

import pytest


def refused(run, *texts: str) -> None:
    """Usage error, said in one line, no traceback, nothing was run."""
    assert run.status == 4, run.out
    run.says(*texts)
    said = [line for line in run.err.splitlines() if line.startswith("ERROR")]
    assert len(said) == 1, run.err
    assert "Traceback" not in run.out + run.err
    assert "INTERNALERROR" not in run.out + run.err
    assert run.findings == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("execution=5", "has no keyword 'execution'; did you mean 'executions'?"),
        ("nonsense=1", "has no keyword 'nonsense' (it has executions, seconds, strategy,"),
        ("5", "the racecheck marker takes keywords only, got 5"),
        ("'pct'", "the racecheck marker takes keywords only, got 'pct'"),
        ("executions=0", "executions must be a positive whole number, got 0"),
        ("executions=-3", "executions must be a positive whole number, got -3"),
        ("executions=1.5", "executions must be a positive whole number, got 1.5"),
        ("executions='many'", "executions must be a positive whole number, got 'many'"),
        ("executions=True", "executions must be a positive whole number, got True"),
        ("executions=None", "executions must be a positive whole number, got None"),
        ("max_steps=2.5", "max_steps must be a positive whole number, got 2.5"),
        ("replays=0", "replays must be a positive whole number, got 0"),
        ("replays='3'", "replays must be a positive whole number, got '3'"),
        ("seconds=0", "seconds must be a positive number, got 0"),
        ("seconds='ten'", "seconds must be a positive number, got 'ten'"),
        ("seconds=float('nan')", "seconds must be a positive number, got nan"),
        ("patience_s=-1", "patience_s must be a positive number, got -1"),
        ("seed='lucky'", "seed must be a whole number, got 'lucky'"),
        ("seed=1.5", "seed must be a whole number, got 1.5"),
        ("preemptions='two'", "preemptions must be a whole number that is not negative, got 'two'"),
        ("preemptions=-1", "preemptions must be a whole number that is not negative, got -1"),
        ("strategy='pct', depth=1.5", "depth must be a whole number"),
        ("strategy='pct', preemptions=2", "strategy 'pct' ignores preemptions"),
        ("strategy='rnd'", "unknown strategy 'rnd'"),
        ("strategy='randon'", "did you mean 'random'?"),
        ("strategy=5", "strategy must be the name of a strategy, got 5"),
        ("strategy='scripted'", "strategy 'scripted' needs script="),
        ("strategy='replay'", "strategy 'replay' needs replay="),
        ("script='main'", "script must be a list of names of tasks, got the text 'main'"),
        ("script=[1]", "script must be a list of names of tasks, got [1]"),
        ("points='all'", "points='all': expected one of access, sync"),
        ("points=None", "points=None: expected one of access, sync"),
        ("control='threading'", "control must be a list of module names, got the text 'threading'"),
        ("control=[threading]", "control must be a list of module names"),
        ("control=['no_such_module']", "control='no_such_module': no such module"),
        ("isolate='yes'", "isolate must be True or False, got 'yes'"),
        ("replay='rc1'", "'rc1' is not a replay text"),
        ("replay=7", "replay must be a replay text, got 7"),
    ],
)
def test_a_wrong_marker_is_refused_by_the_name_of_its_test(suite, given, says):
    suite.write(f"""
def test_before(): raise SystemExit("must not run")
@pytest.mark.racecheck({given})
def test_marked(): together(print)
""")
    refused(suite.here(), "test_it.py::test_marked: ", says)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--racecheck-executions=x", "--racecheck-executions must be a whole number, got 'x'"),
        ("--racecheck-executions=0", "executions must be a positive whole number, got 0"),
        ("--racecheck-executions=-5", "executions must be a positive whole number, got -5"),
        ("--racecheck-seconds=soon", "--racecheck-seconds must be a number, got 'soon'"),
        ("--racecheck-seconds=-1", "seconds must be a positive number, got -1.0"),
        ("--racecheck-seconds=nan", "seconds must be a positive number, got nan"),
        ("--racecheck-seed=1.5", "--racecheck-seed must be a whole number, got '1.5'"),
        ("--racecheck-strategy=best", "unknown strategy 'best'"),
        ("--racecheck-strategy=replay", "strategy 'replay' needs replay="),
        ("--racecheck-points=some", "points='some': expected one of access, sync"),
    ],
)
def test_a_wrong_option_is_refused(racy, option, says):
    refused(racy.here(option), says)


def test_a_record_that_cannot_be_written_is_refused_before_the_search(racy):
    option = f"--racecheck-record={racy.path}/none/x.json"
    refused(racy.here(option), "it cannot be written: there is no folder")


def test_a_record_that_cannot_be_written_in_the_end_does_not_hide_the_finding(suite):
    suite.write("""
import shutil
@quick
def test_racy():
    seen = []
    def add():
        seen.append(len(seen))
    shutil.rmtree("out", ignore_errors=True)
    together(add, add)
    raise AssertionError("the finding")
""")
    (suite.path / "out").mkdir()
    run = suite.here("--racecheck-record=out/x.json")
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced"
    run.says("the finding", "--racecheck-record=out/x.json: it was not written: No such file")
    assert "safe_file.py" not in run.out


def test_a_wrong_option_is_refused_also_where_every_test_is_explored(suite):
    suite.write("def test_plain(): pass\n")
    refused(suite.here("--racecheck", "--racecheck-strategy=best"), "unknown strategy 'best'")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("executions", "lots", "racecheck_executions must be a whole number, got 'lots'"),
        ("seconds", "0", "seconds must be a positive number, got 0.0"),
        ("strategy", "magic", "unknown strategy 'magic'"),
        ("points", "none", "points='none': expected one of access, sync"),
        ("carrier", "donkeys", "carrier='donkeys': expected one of auto, threads, greenlets"),
        ("seed", "x", "racecheck_seed must be a whole number, got 'x'"),
    ],
)
def test_a_wrong_ini_value_is_refused(suite, name, value, says):
    suite.write("@pytest.mark.racecheck\ndef test_it(): together(print)\n")
    suite.configure(**{f"racecheck_{name}": value})
    refused(suite.here(), says)


def test_an_unknown_option_is_pytests_to_refuse(suite):
    run = suite.here("--racecheck-execution-count=5")
    assert run.status == 4
    run.says("unrecognized arguments: --racecheck-execution-count=5")


def test_explore_inside_an_explored_body_is_refused_by_name(suite):
    suite.write("""
import pytest_racecheck
@quick
def test_nested():
    together(print)
    pytest_racecheck.explore(lambda: None)
""")
    run = suite.here()
    run.outcomes(failed=1)
    run.says("explore() was called inside a body that is being explored; call it outside")
