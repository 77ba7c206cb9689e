"""Failures of the bench programs: replayed a thousand times, and how long their texts are."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.bench.sctbench.counting import plan_of
from tests.bench.sctbench.programs import PROGRAMS

from pytest_racecheck import Finding
from pytest_racecheck.diagnosis.find import controlled_runner, explore_plan
from pytest_racecheck.engine.explore import kept_choices
from pytest_racecheck.engine.schedule import Schedule, record

TIMES = 1000
QUICK = ("account", "stack", "dining_5", "fsbench", "reorder_20", "lost_wakeup")
#: The default search needs more than a test may take; `make sctbench` has the numbers.
RARE = ("safestack",)
SHORT, SHARE = 100, 0.95


def found(name: str, executions: int = 20_000, seconds: float = 60) -> Finding:
    body = PROGRAMS[name].broken
    return explore_plan(body, plan_of(body, "portfolio", executions=executions, seconds=seconds))


def endings(name: str, schedule: Schedule, times: int) -> Counter[object]:
    """How ``times`` replays ended: the choices and operations met, and the failures."""
    body = PROGRAMS[name].broken
    ends: Counter[object] = Counter()
    with controlled_runner(body, plan_of(body, "portfolio")) as runner:
        for _ in range(times):
            execution = runner.replay(schedule)
            said = tuple((one.identity, one.message, one.waits) for one in execution.failures)
            again = record(schedule.strategy, kept_choices(execution)).text()
            ends[(again, str(execution.divergence), execution.steps, said)] += 1
    return ends


@pytest.mark.parametrize("name", QUICK)
def test_replays_are_one_and_the_same(name):
    schedule = Schedule.parse(found(name).schedule)
    ((text, left, _, failures),) = endings(name, schedule, 30)
    assert (text, left) == (schedule.text(), "None")
    assert failures


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - set(RARE)))
def test_a_thousand_replays_are_one_and_the_same(name):
    finding = found(name)
    assert finding.verdict == "reproduced", finding.report()
    schedule = Schedule.parse(finding.schedule)
    ends = endings(name, schedule, TIMES)
    assert list(ends.values()) == [TIMES]
    ((text, left, _, failures),) = ends
    assert (text, left) == (schedule.text(), "None")
    assert failures


@pytest.mark.slow
def test_nearly_every_text_is_short():
    texts = {name: found(name).schedule for name in sorted(set(PROGRAMS) - set(RARE))}
    lengths = {name: len(text) for name, text in texts.items()}
    long = {name: length for name, length in lengths.items() if length > SHORT}
    assert len(long) <= (1 - SHARE) * len(lengths), long
