"""A bounded verdict speaks for every schedule with at most c preemptions: all are compared."""

from __future__ import annotations

from functools import partial
from itertools import islice

import pytest

from depth_programs import DepthProgram
from pytest_racecheck import explore
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive

PROGRAMS = [
    DepthProgram("sync", (1, 1), (((1, 0), (0, 0)),), 1),
    DepthProgram("access", (2, 1), (((0, 0), (1, 0)), ((1, 0), (0, 1))), 2),
    DepthProgram("sync", (2, 2), (((0, 0), (1, 0)), ((1, 0), (0, 1)), ((0, 1), (1, 1))), 3),
]


def every_schedule(program: DepthProgram) -> list[tuple[int, bool]]:
    """(preemptions, whether it failed) of all schedules, by a search without bound."""
    noted, found = [], []
    with controlled_runner(lambda: program.body(noted), Plan(points=program.level)) as runner:
        for decider in islice(Exhaustive().deciders(), 20_000):
            execution = runner.execute(decider)
            found.append((execution.preemptions, bool(execution.failures)))
    assert len(found) < 20_000
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_verdict_turns_at_the_fewest_preemptions_with_which_it_fails(program):
    schedules = every_schedule(program)
    fewest = min(preemptions for preemptions, failed in schedules if failed)
    body, options = partial(program.body, []), {"points": program.level, "executions": 20_000}
    for bound in range(fewest):
        finding = explore(body, strategy="bounded", preemptions=bound, **options)
        within = [failed for preemptions, failed in schedules if preemptions <= bound]
        assert (finding.verdict, finding.grade) == ("ruled out", "bounded")
        assert finding.executions == len(within)
        assert (finding.preemptions, any(within)) == (bound, False)
        plural = "" if bound == 1 else "s"
        assert f"every schedule with at most {bound} preemption{plural} of " in finding.reason
    finding = explore(body, strategy="bounded", preemptions=fewest, **options)
    assert (finding.verdict, finding.preemptions) == ("reproduced", fewest)


def test_there_are_programs_for_several_bounds():
    fewest = {min(p for p, failed in every_schedule(program) if failed) for program in PROGRAMS}
    assert {0, 1, 2} <= fewest


def test_a_bound_that_was_not_finished_is_not_claimed():
    program = PROGRAMS[2]  # which fails with two
    finding = explore(partial(program.body, []), strategy="bounded", preemptions=9, executions=9)
    assert finding.verdict == "inconclusive"
    assert "every schedule with at most 9 preemptions" not in finding.reason
