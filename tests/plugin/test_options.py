"""Each option, its twin in the ini file, and which of command line, marker and ini file counts."""

from __future__ import annotations

import pytest

#: Three tasks that write the same four times: too many orders to be exhausted within these budgets.
WIDE = """
{mark}
def test_wide():
    box = {{}}
    def use():
        for n in range(4):
            box["all"] = n
    together(use, use, use)
"""
BARE = "@pytest.mark.racecheck"


def wide(mark: str = BARE) -> str:
    return WIDE.format(mark=mark)


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("executions", "23", 23),
        ("strategy", "pct", "pct"),
        ("strategy", "random", "random"),
        ("carrier", "threads", "threads"),
        ("carrier", "greenlets", "greenlets"),
    ],
)
@pytest.mark.parametrize("source", ["option", "ini"])
def test_an_option_and_its_ini_twin_reach_the_search(suite, name, value, seen, source):
    suite.write(wide("@pytest.mark.racecheck(seconds=1)"))
    if source == "ini":
        suite.configure(**{f"racecheck_{name}": value})
        run = suite.here()
    else:
        run = suite.here(f"--racecheck-{name}={value}")
    assert run.finding[name] == seen


@pytest.mark.parametrize("source", ["option", "ini"])
def test_seconds_end_a_search(suite, source):
    suite.write(wide("@pytest.mark.racecheck(executions=10**9, strategy='random')"))
    if source == "ini":
        suite.configure(racecheck_seconds=0.2)
    run = suite.here(*(["--racecheck-seconds=0.2"] if source == "option" else []))
    run.outcomes(passed=1)
    assert run.finding["executions"] < 10**9
    assert run.finding["grade"] == "statistical"


@pytest.mark.parametrize("source", ["option", "ini"])
def test_points_choose_what_is_interleaved(racy, source):
    if source == "ini":
        racy.configure(racecheck_points="sync")
        run = racy.here("-k", "racy")
    else:
        run = racy.here("-k", "racy", "--racecheck-points=sync")
    run.outcomes(passed=1)  # a lost update needs a switch between reading and writing
    assert run.finding["verdict"] == "ruled out"
    run.says("at synchronisation operations only (data accesses were not interleaved)")
    racy.configure()
    racy.here("-k", "racy", "--racecheck-points=access").outcomes(failed=1)


def found_schedule(suite, *args: str) -> str:
    finding = suite.here("--racecheck-strategy=random", *args).finding
    assert finding["verdict"] == "reproduced"
    return finding["schedule"].split(":", 2)[2] + f" after {finding['first_failure']}"


HIDDEN = """
@pytest.mark.racecheck(executions=3000, replays=1)
def test_hidden():
    box = []
    def write(n):
        for _ in range(3):
            box.append(n)
    together(lambda: write(0), lambda: write(1), lambda: write(2))
    assert box != [0, 1, 2, 0, 1, 2, 0, 1, 2] and box != [2, 1, 0, 2, 1, 0, 2, 1, 0]
    assert box[:2] != [1, 2] or box[-1] != 0
"""


@pytest.mark.parametrize("source", ["option", "ini"])
def test_the_seed_decides_every_random_draw(suite, source):
    suite.write(HIDDEN)

    def found(seed: int) -> str:
        if source == "option":
            return found_schedule(suite, f"--racecheck-seed={seed}")
        suite.configure(racecheck_seed=seed)
        return found_schedule(suite)

    assert found(1) == found(1)
    assert len({found(seed) for seed in (1, 2, 3)}) > 1


def test_no_seed_is_seed_zero(suite):
    suite.write(HIDDEN)
    assert found_schedule(suite) == found_schedule(suite, "--racecheck-seed=0")


def test_two_tests_draw_differently_under_one_seed(suite):
    suite.write(HIDDEN + HIDDEN.replace("test_hidden", "test_other"))
    run = suite.here("--racecheck-strategy=random")
    first, other = run.findings["test_hidden"], run.findings["test_other"]
    assert (first["schedule"], first["first_failure"]) != (
        other["schedule"],
        other["first_failure"],
    )


@pytest.mark.parametrize(
    ("ini", "marker", "option", "counts"),
    [
        (11, None, None, 11),
        (None, 12, None, 12),
        (None, None, 13, 13),
        (11, 12, None, 12),
        (11, None, 13, 13),
        (None, 12, 13, 13),
        (11, 12, 13, 13),
    ],
)
def test_the_command_line_counts_before_the_marker_before_the_ini_file(
    suite, ini, marker, option, counts
):
    suite.write(wide(BARE if marker is None else f"@pytest.mark.racecheck(executions={marker})"))
    if ini is not None:
        suite.configure(racecheck_executions=ini)
    run = suite.here(*([] if option is None else [f"--racecheck-executions={option}"]))
    assert run.finding["executions"] == counts


def test_pyproject_may_hold_the_ini_values(suite):
    suite.write(wide())
    (suite.path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nracecheck_executions = 14\nracecheck_strategy = "random"\n'
    )
    finding = suite.here().finding
    assert (finding["executions"], finding["strategy"]) == (14, "random")


@pytest.mark.parametrize(
    ("given", "strategy"),
    [
        ("preemptions=1", "bounded"),
        ("script=['main', 'main/0']", "scripted"),
        ("strategy='exhaustive'", "exhaustive"),
        ("strategy='pct', depth=2", "pct"),
        ("strategy='bounded', preemptions=0", "bounded"),
    ],
)
def test_the_marker_takes_what_a_strategy_needs(suite, given, strategy):
    suite.write(f"@pytest.mark.racecheck({given})\ndef test_it(): together(print)\n")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["strategy"] == strategy


def test_strict_makes_an_unfinished_exhaustive_search_an_error(suite):
    suite.write(wide("@pytest.mark.racecheck(strategy='exhaustive', executions=20)"))
    suite.here().outcomes(passed=1)
    suite.configure(racecheck_strict="true")
    run = suite.here()
    run.outcomes(failed=1)
    run.says("racecheck (strict): no failure in 20 schedules")


def test_strict_lets_a_sampling_strategy_that_spent_its_budget_pass(suite):
    suite.write(wide("@pytest.mark.racecheck(strategy='random', executions=20)"))
    suite.configure(racecheck_strict="true")
    suite.here().outcomes(passed=1)


def test_isolation_can_be_asked_for_by_option_marker_and_ini(suite):
    body = """
{mark}
def test_pid():
    together(print)
    assert os.getpid() == {pid}, "another process"
"""
    import os

    suite.write(body.format(mark=BARE, pid=os.getpid()))
    suite.here().outcomes(passed=1)
    suite.here("--racecheck-isolate").outcomes(failed=1)
    suite.configure(racecheck_isolate="true")
    suite.here().outcomes(failed=1)
    suite.configure()
    suite.write(body.format(mark="@pytest.mark.racecheck(isolate=True)", pid=os.getpid()))
    suite.here().outcomes(failed=1)


def test_control_brings_a_module_outside_the_rootdir_under_test(suite, monkeypatch, tmp_path):
    library = tmp_path.parent / "elsewhere"
    library.mkdir()
    (library / "far_counter.py").write_text(
        "value = 0\ndef add():\n    global value\n    value += 1\n"
    )
    monkeypatch.syspath_prepend(str(library))
    body = """
import far_counter
@pytest.mark.racecheck(executions=400{control})
def test_far():
    far_counter.value = 0
    together(far_counter.add, far_counter.add)
    assert far_counter.value == 2
"""
    suite.write(body.format(control=""))
    suite.here().outcomes(passed=1)
    suite.write(body.format(control=", control=['far_counter']"), "test_controlled.py")
    suite.here("test_controlled.py").outcomes(failed=1)


UNORDERED = """
@pytest.mark.racecheck(executions=20{more})
def test_unordered():
    box = {{}}
    def use():
        box["n"] = 1
    together(use, use)
"""


@pytest.mark.parametrize("source", ["option", "ini", "marker"])
def test_races_are_listed_on_request_with_both_stacks(suite, source):
    suite.write(UNORDERED.format(more=", races='report'" if source == "marker" else ""))
    if source == "ini":
        suite.configure(racecheck_races="report")
    run = suite.here(*(["--racecheck-races=report"] if source == "option" else []))
    run.outcomes(passed=1)
    [race] = run.finding["races"]
    assert [access["verb"] for access in race["accesses"]] == ["writes", "writes"]
    run.says("data race on box['n']: ", "and nothing orders the two", "main/0 (task 1) writes:")
    if source == "ini":
        suite.configure()


def test_races_are_off_by_default_and_a_wrong_word_is_refused(suite):
    suite.write(UNORDERED.format(more=""))
    assert suite.here().finding["races"] == []
    run = suite.here("--racecheck-races=all")
    assert run.status == 4
    assert "races='all': expected one of off, report" in run.err + run.out


def test_a_possible_deadlock_that_is_not_confirmed_is_a_remark_in_the_summary(suite):
    suite.write("""
@pytest.mark.racecheck(executions=1, strategy="random", points="sync")
def test_kept_apart_by_an_event():
    a, b, done = threading.Lock(), threading.Lock(), threading.Event()
    def one():
        with a:
            with b: pass
        done.set()
    def other():
        done.wait()
        with b:
            with a: pass
    together(one, other)
""")
    run = suite.here()
    run.outcomes(passed=1)
    run.says("remark: possible deadlock, not confirmed by 5 schedules made for it: one holds")
    assert len(run.finding["lock_order"]["edges"]) == 2
