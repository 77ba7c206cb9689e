"""The table counts what was found, computes its numbers rightly, and calls a miss a miss."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from tests.bench.sctbench import campaign, cells
from tests.bench.sctbench.__main__ import main
from tests.bench.sctbench.cells import (
    CLASSES,
    HUNTS,
    OVER,
    TWINS,
    Cell,
    joined,
    measure,
    unfinished,
)
from tests.bench.sctbench.goals import goals
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.published import CLASSES as PUBLISHED_CLASSES
from tests.bench.sctbench.published import schedules
from tests.bench.sctbench.show import markdown, put_into, troubles
from tests.bench.sctbench.summary import summary, told
from tests.bench.sctbench.variants import NO_HUNTERS, hunters, options_of

from pytest_racecheck.engine.strategies.make import STRATEGY_NAMES

ROOT = Path(__file__).parents[3]
CAP = 10_000


def trial(seed, schedules, found=True, exhausted=False):
    known = {"found": found, "exhausted": exhausted, "seconds": 0.1}
    return {"seed": seed, "schedules": schedules} | known


def entry(*schedules):
    """Seeds that found the bug after so many; None for one that has reached the cap."""
    made = [trial(n, s or CAP, s is not None) for n, s in enumerate(schedules)]
    return {"trials": made, "cap": CAP, "trouble": ""}


def results(each=1, **own):
    """Of all programs, every seed with ``each`` schedules, unless a program has its ``own``."""
    hunts = {}
    for name in PROGRAMS:
        found = own.get(name, each)
        hunts[name] = {"portfolio": entry(*[found] * 100), "surw": entry(*[found] * 20)}
    whole = {"failed": 1, "redundant": 0, "complete": True, "seconds": 0.5, "trouble": ""}
    return {
        HUNTS: hunts,
        CLASSES: {n: {"all": whole | {"executions": c}} for n, c in PUBLISHED_CLASSES.items()},
        TWINS: {n: {"surw": {"trials": [trial(0, CAP, False)], "trouble": ""}} for n in PROGRAMS},
        "python": "3.x",
        "machine": "none",
        "load": 0.0,
        "minutes": 1,
        "workers": 2,
        "seeds": 20,
        "default_seeds": 100,
        "cap": CAP,
        "twin_schedules": CAP,
        "labels": ["portfolio", "surw"],
    }


def verdicts(measured):
    return {what: verdict for what, _, verdict in goals(measured)}


def missed(measured):
    return [what for what, verdict in verdicts(measured).items() if verdict != "met"]


# --- it measures ----------------------------------------------------------------------------------


def test_the_command_measures_prints_writes_json_and_fills_a_page(tmp_path):
    file, page = tmp_path / "results.json", tmp_path / "page.md"
    page.write_text("before <!-- sctbench -->earlier<!-- end of sctbench --> after")
    command = [sys.executable, "-m", "tests.bench.sctbench", "--programs", "deadlock01,account"]
    command += ["--strategies", "portfolio,random", "--seeds", "3", "--default-seeds", "4"]
    command += ["--twins", "20", "--json", str(file), "--page", str(page)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "deadlock01" in done.stdout
    measured = json.loads(file.read_text())
    for name in ("deadlock01", "account"):
        assert [t["found"] for t in measured[HUNTS][name]["random"]["trials"]] == [True] * 3
        assert [t["found"] for t in measured[HUNTS][name]["portfolio"]["trials"]] == [True] * 4
        assert measured[CLASSES][name][campaign.SYSTEMATIC]["complete"]
        assert sum(len(twin["trials"]) for twin in measured[TWINS][name].values()) == len(hunters())
    text = page.read_text()
    assert text.startswith("before")
    assert text.endswith("after")
    assert "earlier" not in text
    assert "| deadlock01 | 3 |" in text


def test_what_hunts_is_every_strategy_that_does_not_enumerate_or_follow():
    assert {options_of(label)["strategy"] for label in hunters()} | NO_HUNTERS == set(
        STRATEGY_NAMES
    )
    assert options_of("pct3") == {"strategy": "pct", "depth": 3}
    assert options_of("portfolio") == {"strategy": "portfolio"}
    with pytest.raises(ValueError, match="no strategy"):
        options_of("3")


def test_a_cell_that_cannot_be_counted_says_why():
    assert measure(Cell(HUNTS, "account", "random", until_s=0.0)) == {"trouble": OVER}
    broken = replace(PROGRAMS["account"], kinds=("deadlock",))
    entries = PROGRAMS | {"account": broken}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.bench.sctbench.cells.PROGRAMS", entries)
        told_why = measure(Cell(HUNTS, "account", "random", seeds=1, cap=1000))["trouble"]
    assert told_why.startswith("assertion at order.py")


def test_a_cell_goes_on_where_the_time_cut_it_off():
    cell = Cell(HUNTS, "account", "random", seeds=4, cap=CAP)
    first = {"trials": [trial(0, 5), trial(1, 300, False)], "cap": CAP, "trouble": ""}
    again = unfinished(cell, first, 20.0)
    assert (again.first, again.seeds, again.seconds) == (1, 3, 20.0)
    more = {"trials": [trial(1, 700), trial(2, 3), trial(3, CAP, False)], "cap": CAP, "trouble": ""}
    both = joined(first, more)
    assert [t["schedules"] for t in both["trials"]] == [5, 700, 3, CAP]
    assert unfinished(cell, both, 20.0) is None
    assert unfinished(again, more, 20.0) is None
    assert joined(first, {"trouble": OVER}) == first
    assert unfinished(cell, {"trouble": OVER}, 20.0) == replace(cell, seconds=20.0)


def test_what_the_time_does_not_reach_is_told_and_fails_the_run():
    wishes = campaign.Wishes(programs=("account",), labels=("random",), twins=9, minutes=1e-9)
    measured = campaign.run(wishes, lambda _: None)
    assert measured[HUNTS]["account"]["random"] == {"trouble": OVER}
    assert measured[CLASSES]["account"][campaign.SYSTEMATIC] == {"trouble": OVER}
    assert set(measured[TWINS]["account"]) == set(hunters())
    assert len(troubles(measured).rows) == 2 + len(hunters())


def test_the_strategies_that_the_targets_are_about_come_before_the_others():
    wishes = campaign.Wishes(programs=("account",), twins=0)
    order = [
        (frozenset(cell.label for cell in cells), seconds)
        for cells, seconds in campaign.stages(wishes)
        if cells and cells[0].part == HUNTS
    ]
    about, every = frozenset(campaign.FIRST), frozenset(hunters())
    first, *longer = campaign.ROUNDS_S
    assert order[:3] == [(about, first), *((about, seconds) for seconds in longer[:-1])]
    assert order[3:] == [(every, first), (about, longer[-1]), *((every, s) for s in longer)]


def test_a_shorter_attempt_does_not_replace_a_longer_one():
    long = {"trials": [trial(0, 300, False)], "cap": CAP, "trouble": ""}
    short = {"trials": [trial(0, 200, False)], "cap": CAP, "trouble": ""}
    assert joined(long, short)["trials"] == long["trials"]


# --- it computes ----------------------------------------------------------------------------------


def test_mean_and_percentile_when_every_seed_finds_it():
    found = summary(entry(*range(1, 21)), 20)
    assert (found.mean, found.p95, found.most) == (10.5, 19, 20)
    assert found.all_found
    assert told(found) == "10 · 19"


def test_a_seed_that_finds_nothing_counts_with_its_schedules_and_as_infinite():
    found = summary(entry(10, None, 30, 40), 4)
    assert found.mean == (10 + CAP + 30 + 40) / 3
    assert found.p95 == inf
    assert not found.all_found
    assert found.complete
    assert told(found) == "3360 (3/4)"
    assert told(summary(entry(None, None), 2)) == "– (0/2, 20,000)"


def test_a_seed_that_the_time_cut_off_is_neither_found_nor_complete():
    measured = entry(10, 20)
    measured["trials"].append(trial(2, 77, False))
    found = summary(measured, 4)
    assert (found.tried, found.found, found.cut_off, found.mean) == (3, 2, 1, 53.5)
    assert not found.complete


def test_what_was_found_after_more_schedules_than_asked_for_was_not_found():
    found = summary(entry(10, 1001, 1000), 3, cap=1000)
    assert (found.found, found.cut_off, found.all_found) == (2, 0, False)


def test_published_cells_are_read_with_their_trials():
    assert schedules("reorder_10", "PCT3") == 3225
    assert schedules("reorder_10", "RW") == inf
    assert schedules("lost_update", "RW") is None


# --- it judges ------------------------------------------------------------------------------------


def test_every_target_is_met_when_everything_is_found_at_once():
    assert missed(results()) == []


@pytest.mark.parametrize(
    ("program", "found", "targets"),
    [
        ("lost_update", 1001, ["default settings"]),
        ("lost_update", None, ["default settings"]),
        ("safestack", None, ["safestack"]),
        ("reorder_100", 101, ["portfolio: reorder_100", "surw: reorder_100"]),
        ("twostage_100", 101, ["portfolio: twostage_100", "surw: twostage_100"]),
    ],
)
def test_a_target_is_missed_by_a_hair(program, found, targets):
    said = missed(results(**{program: found}))
    assert all(what.startswith(target) for what, target in zip(said, targets, strict=True))


def test_the_published_means_are_missed_below_nine_of_ten_programs():
    shared = [name for name in PROGRAMS if schedules(name, "SURW") is not None]
    allowed = len(shared) // 10
    slow = {name: 99 for name in shared if schedules(name, "SURW") < 90}
    names = list(slow)
    enough = {name: slow[name] for name in names[:allowed]}
    assert missed(results(**enough)) == []
    said = missed(results(**enough, **{names[allowed]: 99}))
    assert [what.partition(":")[0] for what in said] == ["portfolio", "surw"]


@pytest.mark.parametrize("change", [{"executions": 4}, {"complete": False}, {"trouble": OVER}])
def test_a_class_count_that_is_not_the_published_one_is_missed(change):
    measured = results()
    measured[CLASSES]["deadlock01"]["all"] |= change
    [what] = missed(measured)
    assert what.startswith("class counts")
    [row] = [row for row in goals(measured) if row[0] == what]
    assert "deadlock01" in row[1]


def test_too_few_schedules_of_a_twin_or_a_failure_of_one_is_missed():
    measured = results()
    measured[TWINS]["stack"]["surw"]["trials"][0]["schedules"] = CAP - 1
    assert len(missed(measured)) == 1
    measured = results()
    measured[TWINS]["stack"]["surw"]["trouble"] = "assertion at steps.py:1: underflow"
    [row] = [row for row in goals(measured) if row[2] != "met"]
    assert "stack (assertion at steps.py:1: underflow)" in row[1]


def test_a_twin_of_which_every_schedule_has_run_needs_no_more_of_them():
    measured = results()
    measured[TWINS]["stack"]["surw"]["trials"] = [trial(0, 12, found=False, exhausted=True)]
    assert missed(measured) == []


def test_a_search_that_has_covered_everything_is_not_begun_again():
    [stack] = [c for c in campaign.twins(campaign.Wishes(("stack",))) if c.label == "portfolio"]
    for exhausted in (True, False):
        made = [trial(0, 12, found=False, exhausted=exhausted)]
        again = cells.unfinished(stack, {"trials": made, "trouble": ""}, 9.0)
        assert (again is None) == exhausted


def test_what_was_not_measured_is_not_met():
    measured = results()
    for name in list(PROGRAMS):
        measured[HUNTS][name] = {label: {"trouble": OVER} for label in ("portfolio", "surw")}
    said = verdicts(measured)
    assert [w for w, v in said.items() if v == "met"] == [list(said)[-2], list(said)[-1]]


def test_the_documentation_has_a_place_for_the_results():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    assert "| reorder_100 | 101 |" in put_into(page, results())
    with pytest.raises(ValueError, match="no place"):
        put_into("nothing", results())


def test_results_are_read_back_without_measuring(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(campaign, "measure_all", None)
    file = tmp_path / "results.json"
    file.write_text(json.dumps(results()))
    assert main(["--read", str(file), "--markdown"]) == 0
    assert capsys.readouterr().out.strip() == markdown(results()).strip()


@pytest.mark.parametrize(
    "wrong", [["--seconds", "0"], ["--seeds", "0"], ["--programs", "x"], ["--strategies", "pct"]]
)
def test_wrong_arguments_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as refused:
        main(wrong)
    assert refused.value.code == 2
    assert "error:" in capsys.readouterr().err
