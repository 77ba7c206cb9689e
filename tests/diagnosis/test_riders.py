"""What rides along: a possible deadlock is confirmed by its own schedule or remains a remark."""

from __future__ import annotations

import json
import threading
from functools import partial

import pytest

from pytest_racecheck import explore, replay
from pytest_racecheck.diagnosis.wire import pack_finding, unpack_finding
from twins import Box, crosswise, together


def take(first, second):
    with first:
        with second:
            pass


def crossed(kind=threading.Lock):
    """Two locks in opposite orders, each for a moment in a long body."""
    a, b, other = kind(), kind(), threading.Lock()

    def work(before, first, second):
        for _ in range(before):
            with other:
                pass
        take(first, second)

    together(partial(work, 40, a, b), partial(work, 3, b, a))


def ordered_by_an_event():
    """Goodlock does not know of events: suspected, and no schedule can confirm it."""
    a, b, done = threading.Lock(), threading.Lock(), threading.Event()

    def one():
        take(a, b)
        done.set()

    def other():
        done.wait()
        take(b, a)

    together(one, other)


def once(body, **plan):
    """The first execution passes, and it is the only one of the search."""
    return explore(body, **{"executions": 1, "strategy": "random", "seed": 4, **plan})


KINDS = (threading.Lock, threading.RLock, threading.Condition, threading.Semaphore)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_possible_deadlock_is_confirmed_by_a_schedule_made_for_it(kind):
    finding = once(partial(crossed, kind))
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.kind == "deadlock"
    assert 1 < finding.first_failure <= finding.executions <= 6
    assert finding.replays == (3, 3)
    assert finding.explanation.pattern == "lock-order inversion"
    assert [cycle.outcome for cycle in finding.lock_order.cycles] == ["confirmed"]
    assert finding.remarks == ()
    assert replay(partial(crossed, kind), finding.schedule).verdict == "reproduced"
    assert "deadlock, confirmed by a schedule" in finding.report(200)


def test_what_is_not_confirmed_is_a_remark_and_no_failure():
    finding = once(ordered_by_an_event)
    assert (finding.verdict, finding.grade) == ("inconclusive", "statistical")
    assert finding.failure is None
    assert finding.executions == 1
    [remark] = finding.remarks
    assert remark.startswith("possible deadlock, not confirmed by 5 schedules made for it: ")
    line = take.__code__.co_firstlineno
    assert f"(taken at test_riders.py:{line + 1})" in remark
    assert f"at test_riders.py:{line + 2}" in remark
    assert f"remark: {remark}" in finding.report(400)


def test_when_every_schedule_was_run_there_is_nothing_to_remark():
    finding = explore(ordered_by_an_event, strategy="exhaustive", points="sync")
    assert finding.verdict == "ruled out"
    assert finding.remarks == ()
    assert [cycle.outcome for cycle in finding.lock_order.cycles] == ["ruled out"]


def test_one_order_of_locks_is_an_edge_and_no_suspicion():
    finding = once(lambda: crosswise(threading.Lock(), threading.Lock(), broken=False))
    assert finding.failure is None
    assert finding.remarks == ()
    assert finding.lock_order.cycles == ()
    [one, other] = finding.lock_order.edges
    assert (one.task, other.task) == ("main/0", "main/1")
    drawn = finding.report().partition("lock order")[2]
    assert drawn.count(" -> ") == 5  # the title, and two in each line
    assert "deadlock" not in drawn


def test_another_failure_does_not_make_the_deadlock_certain():
    def body():
        ordered_by_an_event()
        raise AssertionError("something else")

    finding = explore(body, strategy="random", executions=5)
    assert finding.failure.type == "AssertionError"
    assert [cycle.outcome for cycle in finding.lock_order.cycles] == ["not tried"]
    assert finding.remarks == ()


def test_one_given_schedule_is_followed_and_no_other():
    finding = explore(ordered_by_an_event, strategy="scripted", script=["main"])
    assert finding.executions == 1
    assert finding.remarks == ()
    assert [cycle.outcome for cycle in finding.lock_order.cycles] == ["not tried"]


def racing():
    box = Box(0)

    def add():
        box.value += 1

    together(add, add)


def test_what_rides_along_is_data_and_survives_the_way_from_a_child():
    for body in (ordered_by_an_event, racing, crossed):
        finding = once(body, races="report")
        data = finding.as_json()
        assert json.loads(json.dumps(data)) == data
        again = unpack_finding(json.loads(json.dumps(pack_finding(finding))))
        assert again.as_json() == data
        assert again.lock_order == finding.lock_order
        assert again.races == finding.races
    apart = once(racing, races="report", isolate=True, patience_s=20.0)
    assert apart.races == once(racing, races="report").races, apart.report()


def test_a_race_is_told_in_the_report_and_fails_nothing():
    finding = once(racing, races="report")
    assert finding.failure is None
    [race] = finding.races
    told = finding.report(200)
    assert f"data race on {race.sentence}" in told
    assert told.count("test_riders.py") >= 4
    assert "data race" not in once(racing).report()


def test_the_drawing_numbers_locks_of_one_name():
    class Account:
        def __init__(self):
            self.lock = threading.Lock()

    def pay(source, target):
        with source.lock:
            with target.lock:
                pass

    def body():
        one, other = Account(), Account()
        together(partial(pay, one, other), partial(pay, other, one))

    told = once(body).report(200)
    assert "Account.lock (1) -> Account.lock (2)" in told
    assert "Account.lock (2) -> Account.lock (1)" in told
