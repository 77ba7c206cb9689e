"""With everything armed at once a schedule is still exact: replays, workers, children, carriers."""

from __future__ import annotations

import threading

import pytest

import injected_programs as programs
from pytest_racecheck import barrier, delay, explore, fault, order, replay
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.schedule import Schedule

HERE = "injected_programs"
STORE, SEND = f"{HERE}:Till.store", f"{HERE}:Wire.send"


def body():
    """Loses an update, or a message, in some schedules only."""
    till, wire = programs.Till(), programs.Wire()

    def work(number):
        programs.plain(number)
        till.add()
        for _ in range(2):
            wire.send(number)

    with (
        delay("read", (1, 900), seed=4),
        delay(SEND, lambda dice: dice.expovariate(0.1), chance=0.5),
        fault(SEND, "drop", chance=0.5, times=1),
        fault(SEND, "reorder", times=1, skip=1),
        barrier(f"{HERE}:plain", 2),
        order([("read", "left"), (f"{STORE}:after", "right")]),
    ):
        threads = [
            threading.Thread(target=work, args=(n,), name=name)
            for n, name in enumerate(("left", "right"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if till.total != 2 and len(wire.arrived) != 4:  # pytest would tell addresses
        raise AssertionError((till.total, wire.arrived))


def test_the_failure_is_found_and_replays_agree():
    finding = explore(body, strategy="random", executions=2000, seconds=20)
    assert finding.replays == (3, 3), finding.report()
    again = replay(body, finding.schedule)
    assert (again.failure.type, again.failure.where) == ("AssertionError", finding.failure.where)
    assert len(finding.injected) == 7
    assert all(one.fired for one in finding.injected)


@pytest.mark.slow
def test_a_thousand_replays_are_the_same():
    finding = explore(body, strategy="random", executions=2000, seconds=20)
    assert finding.schedule is not None
    schedule = Schedule.parse(finding.schedule)
    with controlled_runner(body, Plan().checked()) as runner:
        told = {ending_of(runner.replay(schedule)) for _ in range(1000)}
    assert len(told) == 1
    assert told.pop()[:2] == (None, ("AssertionError",))


def ending_of(execution):
    """All that a replay shows: where it was left, failures, choices, operations, the clock."""
    types = tuple(failure.type for failure in execution.failures)
    messages = tuple(failure.message for failure in execution.failures)
    chosen = tuple(execution.decisions)
    return execution.divergence, types, messages, chosen, execution.steps, execution.now_s


@pytest.mark.parametrize("how", [{"workers": 2}, {"isolate": True}, {"carrier": "greenlets"}])
def test_what_is_injected_is_counted_wherever_it_runs(how):
    if how.get("carrier"):
        pytest.importorskip("greenlet")

    def sound():
        till = programs.Till()
        threads = [threading.Thread(target=till.add_locked) for _ in range(2)]
        with delay("read", 1):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert till.total == 2

    finding = explore(sound, strategy="random", executions=150, seconds=20, **how)
    assert finding.failure is None
    (one,) = finding.injected
    assert one.reached == one.fired >= 2 * 150


def test_armed_around_the_search_it_counts_anew_in_each_execution():
    def once():
        wire = programs.Wire()
        threads = [threading.Thread(target=wire.send, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(wire.arrived) == 1

    with fault(SEND, "drop", times=1):
        finding = explore(once, strategy="random", executions=20)
    assert finding.failure is None
    (one,) = finding.injected
    assert one.reached == 2 * one.fired >= 40


def test_exhaustive_search_tries_both_sides_of_a_chance():
    outcomes = set()

    def both():
        wire = programs.Wire()
        threads = [threading.Thread(target=wire.send, args=(n,)) for n in range(2)]
        with fault(SEND, "drop", chance=0.01):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        outcomes.add(tuple(wire.arrived))

    finding = explore(both, strategy="exhaustive", executions=2000)
    assert finding.grade == "exhausted", finding.report()
    assert outcomes == {(), (0,), (1,), (0, 1), (1, 0)}
