"""What rides along, on every program: patterns rightly named, deadlocks foretold, races listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.bench.sctbench.counting import plan_of
from tests.bench.sctbench.programs import PROGRAMS

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.find import explore_plan
from pytest_racecheck.engine.watching import Watch

LOCK_ORDER, WAKE_UP, TORN = "lock-order inversion", "lost wake-up", "torn read"
ACT, UPDATE = "check-then-act", "lost update"
#: The name that is right for the failure of the broken program, by its words.
NAMED = {
    "aget": TORN,  # the log has the bytes of a part, and not yet their sum
    "bluetooth_driver": ACT,
    "bounded_buffer": WAKE_UP,
    "carter01": LOCK_ORDER,
    "changed_while_iterating": TORN,
    "check_then_act": ACT,
    "closed_between": ACT,
    "condition_if": ACT,  # the answer is from before the wait
    "deadlock01": LOCK_ORDER,
    "dining_3": LOCK_ORDER,
    "dining_5": LOCK_ORDER,
    "dining_7": LOCK_ORDER,
    "lazy_init": TORN,  # published, and not yet ready
    "list_underflow": ACT,
    "lost_update": UPDATE,
    "lost_wakeup": WAKE_UP,
    "made_twice": ACT,
    "reorder_3": TORN,
    "reorder_4": TORN,
    "reorder_5": TORN,
    "reorder_10": TORN,
    "reorder_20": TORN,
    "reorder_50": TORN,
    "reorder_100": TORN,
    "stringbuffer": TORN,  # its length, and then a text that is shorter
    "twostage": TORN,
    "twostage_20": TORN,
    "twostage_50": TORN,
    "twostage_100": TORN,
}
#: None of the five: wrong in every order, wrong in one order of whole steps, or an ABA.
NAMELESS = (
    *("account", "arithmetic_prog", "circular_buffer", "fsbench", "interlocked", "lazy01"),
    *("pbzip2", "phase01", "queue", "stack", "sync01", "sync02", "token_ring", "work_stealing"),
    *(f"din_phil{n}" for n in range(2, 8)),
)
#: Fails in two ways: after two reads that differ, which is a torn read, or one that is too new.
EITHER = ("wronglock", "wronglock_3")
#: Found too rarely for a search in a test.
NOT_SEARCHED = {"safestack"}

#: The bug is an access that nothing orders; the others are wrong under their locks.
DATA_RACES = (
    *("aget", "bluetooth_driver", "changed_while_iterating", "check_then_act", "closed_between"),
    *("din_phil2", "din_phil7", "interlocked", "lazy_init", "list_underflow", "lost_update"),
    *("made_twice", "pbzip2", "reorder_3", "reorder_10", "safestack", "work_stealing"),
    *("wronglock", "wronglock_3"),
)
#: Mended, and still with accesses that nothing orders: flags, lock-free queues, double checks.
STILL_RACY = {"bluetooth_driver", "interlocked", "lazy_init", "work_stealing"}
#: The same of single calls of a list.
STILL_APPENDING = {"lost_wakeup", "made_twice"}


def sightings(body, schedules, seed=1):
    """For each of so many random schedules: whether it passed, and the races seen in it."""
    plan = plan_of(body, "random", seed=seed, races="report")
    deciders = plan.make_strategy().deciders()
    seen = []
    with controlled_runner(body, plan) as runner:
        for _ in range(schedules):
            watch = runner.watch = Watch(races=True)
            failed = bool(runner.execute(next(deciders)).failures)
            seen.append((not failed, [s.race for s in watch.races.values()]))
    return seen


def test_every_program_is_in_one_of_the_tables():
    assert NAMED.keys() | {*NAMELESS, *EITHER, *NOT_SEARCHED} == PROGRAMS.keys()
    assert not NAMED.keys() & NAMELESS


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMED, *NAMELESS, *EITHER])
def test_a_failure_has_its_right_name_and_no_other(name):
    body = PROGRAMS[name].broken
    plan = replace(plan_of(body, "portfolio", seed=1), executions=3000, seconds=60.0)
    finding = explore_plan(body, plan)
    assert finding.verdict == "reproduced", finding.report()
    right = (TORN, None) if name in EITHER else (NAMED.get(name),)
    assert finding.explanation.pattern in right, finding.report()


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_deadlock_is_foretold_of_a_fixed_twin(name):
    body = PROGRAMS[name].fixed
    plan = replace(plan_of(body, "random", seed=2), executions=5, seconds=60.0)
    finding = explore_plan(body, plan)
    assert finding.failure is None, finding.report()
    assert finding.remarks == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["carter01", "deadlock01", "dining_3", "dining_5", "dining_7"])
def test_a_deadlock_is_foretold_from_one_execution_that_passes(name):
    body = PROGRAMS[name].broken
    for seed in range(20):
        plan = replace(plan_of(body, "random", seed=seed), executions=1, seconds=60.0)
        finding = explore_plan(body, plan)
        assert finding.verdict == "reproduced", finding.report()
        assert finding.failure.kind == "deadlock"


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA_RACES)
def test_a_data_race_is_seen_without_its_failure(name):
    seen = sightings(PROGRAMS[name].broken, 60)
    passing = [races for passed, races in seen if passed]
    assert any(races for races in passing)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_fixed_twin_has_no_race_but_the_known_ones(name):
    schedules = 3 if PROGRAMS[name].threads > 12 else 20
    races = [race for _, found in sightings(PROGRAMS[name].fixed, schedules) for race in found]
    assert any(not race.whole for race in races) == (name in STILL_RACY)
    assert any(race.whole for race in races) == (name in STILL_APPENDING)
