"""Failures of the bench programs: replayed a thousand times and on every Python, in short texts."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.bench.stored_texts import BODIES, RARE, ending, found, plan, replayed, stored

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.engine.explore import kept_choices
from pytest_racecheck.engine.schedule import Schedule, record

TIMES = 1000
QUICK = ("account", "stack", "dining_5", "fsbench", "reorder_20", "lost_wakeup")
SHORT, SHARE = 100, 0.95


def endings(name: str, schedule: Schedule, times: int) -> Counter[object]:
    """How ``times`` replays ended: the choices and operations met, and the failures."""
    ends: Counter[object] = Counter()
    with controlled_runner(BODIES[name], plan(name)) as runner:
        for _ in range(times):
            execution = runner.replay(schedule)
            said = tuple((one.identity, one.message, one.waits) for one in execution.failures)
            again = record(schedule.strategy, kept_choices(execution)).text()
            ends[(again, str(execution.divergence), execution.steps, said)] += 1
    return ends


def text_of(name: str) -> str:
    """The schedule that a search finds now, or the stored one where it would take too long."""
    if name in RARE:
        return str(stored()[name]["schedule"])
    finding = found(name)
    assert finding.verdict == "reproduced", finding.report()
    return str(finding.schedule)


def assert_one_and_the_same(name: str, times: int) -> None:
    """All replays are exact."""
    schedule = Schedule.parse(text_of(name))
    ends = endings(name, schedule, times)
    assert list(ends.values()) == [times]
    ((text, left, _, failures),) = ends
    assert (text, left) == (schedule.text(), "None")
    assert failures


@pytest.mark.parametrize("name", QUICK)
def test_replays_are_one_and_the_same(name):
    assert_one_and_the_same(name, 30)


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_a_thousand_replays_are_one_and_the_same(name):
    assert_one_and_the_same(name, TIMES)


def test_a_text_is_stored_for_every_program():
    assert set(stored()) == set(BODIES), "make them anew: python -m tests.bench.stored_texts"


@pytest.mark.parametrize("name", BODIES)
def test_a_text_that_was_made_on_one_python_ends_in_the_same_failure_on_this_one(name):
    failure = dict(stored()[name])
    text = failure.pop("schedule")
    assert ending(replayed(name, text)) == failure


@pytest.mark.slow
def test_nearly_every_text_is_short():
    texts = {
        name: found(name).schedule
        for name in BODIES
        if name not in RARE and not name.startswith("timed")
    }
    lengths = {name: len(text) for name, text in texts.items()}
    long = {name: length for name, length in lengths.items() if length > SHORT}
    assert len(long) <= (1 - SHARE) * len(lengths), long
