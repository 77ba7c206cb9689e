"""The bench of minimising knows the true minimum, and calls a miss a miss."""

from __future__ import annotations

import json

import pytest
from tests.bench.minimal import fewest as proofs
from tests.bench.minimal.__main__ import main
from tests.bench.minimal.fewest import BY_HAND, can_pass, fewest
from tests.bench.minimal.measuring import cases, failing_schedule
from tests.bench.minimal.table import percentile, summary

WRONG = ("assertion", "AssertionError")
MANY = ("reorder_20", "reorder_50", "twostage_20", "twostage_50")


def identity_of(program):
    (case,) = cases(program, [("surw", 0, failing_schedule(program, "surw", 0))])
    return case.identity


@pytest.mark.parametrize(("program", "least"), [("lost_update", 1), ("lost_wakeup", 2)])
def test_the_fewest_preemptions_are_proved_by_running_all_with_fewer(program, least):
    found = fewest(program, identity_of(program), seconds=20)
    assert (found.least, found.how) == (least, "search")


def test_what_is_not_searched_to_its_end_is_not_said_to_be_the_fewest():
    never = fewest("lost_update", (*WRONG, "nowhere.py:1"), seconds=0.05)
    assert never.how == "search, not to its end"
    many = fewest("reorder_50", (*WRONG, "nowhere.py:1"), seconds=0.05)
    assert (many.least, many.how) == (1, "by hand")


def test_a_program_that_always_fails_is_told_from_one_that_may_pass():
    assert not can_pass("sync01", 50)
    assert can_pass("lost_update", 50)


def entry(interruptions, least, **more):
    case = {
        "identity": [*WRONG, "a.py:1"],
        "interruptions": interruptions,
        "characters": 30,
        "replays": 10,
        "seconds": 0.1,
        "orders": 1,
    }
    ways = {"|".join(case["identity"]): [least, "search"]}
    return {"cases": [case | more], "fewest": ways, "passes": True}


def test_a_miss_is_called_a_miss():
    good = summary({"one": entry(1, 1)})
    assert sum("reached" in line for line in good) == 3
    assert not any("MISSED" in line for line in good)
    for bad in (entry(2, 1), entry(1, 1, characters=101), entry(1, 1, orders=0)):
        assert sum("MISSED" in line for line in summary({"one": bad})) == 1


def test_of_a_program_that_always_fails_no_order_is_asked():
    lines = summary({"one": entry(0, 0, orders=0) | {"passes": False}, "two": entry(1, 1)})
    assert "named and verified: 1 of 1" in lines[-1]


def test_the_percentile_is_of_the_ranked_values():
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([float(n) for n in range(100)], 0.95) == 95
    assert percentile([7.0], 0.95) == 7


def test_the_command_prints_a_line_a_program_and_can_show_it_again(tmp_path, capsys):
    wishes = ["--programs", "lost_update", "--seeds", "1", "--seconds", "5"]
    files = {name: tmp_path / name for name in ("schedules", "json")}
    assert main([*wishes, *(f"--{n}={file}" for n, file in files.items())]) == 0
    shown = capsys.readouterr().out
    assert "| lost_update | 2 |" in shown
    assert "exact minimum: 2 of 2" in shown
    assert len(json.loads(files["schedules"].read_text())) == 2
    assert main(["--read", str(files["json"])]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.slow
@pytest.mark.parametrize("program", MANY)
def test_failures_of_many_threads_come_down_to_their_minimum_within_the_budget(program):
    found = [(s, 0, failing_schedule(program, s, 0)) for s in ("pos", "surw")]
    for case in cases(program, found):
        assert program in BY_HAND
        assert case.interruptions_before > 10
        assert case.interruptions == 1
        assert case.replays <= 150
        assert case.characters <= 100
        assert case.orders


@pytest.mark.slow
@pytest.mark.parametrize("program", sorted(BY_HAND))
def test_what_is_known_by_hand_agrees_with_a_small_twin_that_is_searched(program):
    small = {"reorder": "reorder_4", "twostage": "twostage", "wronglock": "wronglock_3"}
    name = small.get(program.partition("_")[0], "dining_5")
    assert name not in proofs.BY_HAND
    assert fewest(name, identity_of(name), seconds=60) == proofs.Fewest(1, "search")
