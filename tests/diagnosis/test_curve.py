"""The curve says how likely the failure is along its schedule: certain at its end."""

from __future__ import annotations

from itertools import pairwise

import minimise_programs as programs
from pytest_racecheck import explore


def drawn(program, **plan):
    return explore(program, strategy="random", executions=2000, curve=True, **plan)


def test_the_end_of_the_schedule_is_certain_and_the_beginning_is_not():
    curve = drawn(programs.torn).explanation.curve
    shares = [failed / runs for _, failed, runs in curve.points]
    assert shares[-1] == 1
    assert shares[0] < 1
    assert curve.points[0][0] == 0


def test_the_jump_is_where_it_rises_most():
    curve = drawn(programs.torn).explanation.curve
    shares = [failed / runs for _, failed, runs in curve.points]
    rises = [b - a for a, b in pairwise(shares)]
    assert curve.jump == curve.points[rises.index(max(rises)) + 1][0]
    assert "minimise_programs.py:" in curve.jump_at


def test_what_always_fails_does_not_jump():
    def body():
        programs.together(int, int)
        raise ValueError

    curve = drawn(body).explanation.curve
    assert {failed == runs for _, failed, runs in curve.points} == {True}
    assert curve.jump is None


def test_it_is_drawn_in_the_report_only_when_asked_for():
    assert "it jumps with choice" in drawn(programs.torn).report()
    assert "chance of this failure" not in explore(programs.torn).report()


def test_it_comes_back_from_a_child():
    finding = drawn(programs.lost_update, isolate=True)
    assert finding.explanation.curve.points[-1][1] > 0
    assert finding.as_json()["explanation"]["curve"]["jump"] == finding.explanation.curve.jump
