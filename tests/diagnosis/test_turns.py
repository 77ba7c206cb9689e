"""Turns say the same as choices: whoever follows them meets the same execution."""

from __future__ import annotations

import pytest

from minimise_programs import FEWEST, condition_if
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.diagnosis.turns import Along, Course, Recorded
from pytest_racecheck.engine.schedule import record
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from pytest_racecheck.engine.strategies.recorded import Follow
from replay_programs import PROGRAMS

BODIES = [*FEWEST, condition_if, *(p for name, (p, *_) in PROGRAMS.items() if name != "livelock")]


def named(body):
    return body.__name__


@pytest.mark.parametrize("body", BODIES, ids=named)
def test_who_follows_the_turns_makes_the_same_choices(body):
    with controlled_runner(body, Plan(), None) as runner:
        for seed in range(15):
            first = next(make_strategy("random", StrategyOptions(seed=seed)).deciders())
            recorded = Recorded(first)
            execution = runner.execute(recorded)
            course = recorded.recording.course()
            again = runner.execute(Along(course))
            assert again.decisions == execution.decisions
            assert [f.identity for f in again.failures] == [f.identity for f in execution.failures]


def test_a_recorded_replay_is_the_same_replay():
    body = BODIES[0]
    with controlled_runner(body, Plan(), None) as runner:
        first = next(make_strategy("random", StrategyOptions(seed=3)).deciders())
        execution = runner.execute(first)
        schedule = record("random", execution.decisions)
        recorded = Recorded(Follow(schedule))
        again = runner.execute(recorded)
        assert again.divergence is None
        assert again.decisions == execution.decisions
        assert recorded.recording.interruptions == execution.preemptions


def test_without_turns_nobody_is_preempted():
    for body in BODIES:
        with controlled_runner(body, Plan(), None) as runner:
            execution = runner.execute(Along(Course()))
            assert execution.preemptions == 0


def test_a_task_is_held_back_until_another_has_moved():
    """The check comes last by itself; held back until then, the second write comes after it."""
    body = next(body for body in BODIES if named(body) == "late_check")
    with controlled_runner(body, Plan(), None) as runner:
        assert runner.execute(Along(Course())).failures
        # Task 2 may not take the lock (its operation 1) before task 3 has ended.
        assert not runner.execute(Along(Course(), (2, 1, 3, 4))).failures
