"""What a statistical pass says it is worth, and when it keeps silent."""

from __future__ import annotations

import json
import threading
import time

import pytest

from pytest_racecheck import explore
from pytest_racecheck.diagnosis.odds import (
    LEAST,
    Odds,
    miss_bound_of,
    rounded_down,
    rounded_up,
)
from pytest_racecheck.diagnosis.wire import pack_finding, unpack_finding
from pytest_racecheck.engine.strategies.promise import Promise
from pytest_racecheck.errors import UsageError
from twins import together


def counted(lock):
    """Two tasks add to a number, under a lock or not."""

    def body():
        numbers = {"n": 0}

        def add():
            with lock() if lock else Unlocked():
                numbers["n"] += 1

        together(add, add)
        assert numbers["n"] == 2

    return body


class Unlocked:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def guarded():
    lock = threading.Lock()
    counted(lambda: lock)()


def racy():
    counted(None)()


SEARCH = {"strategy": "pct", "depth": 2, "executions": 60}


# --- random priorities ------------------------------------------------------------------------


def test_the_bound_is_that_of_the_paper():
    promise = Promise()
    for _ in range(100):
        promise.add(depth=2, assumed=20, choices=20, tasks=3)
    assert promise.miss(2) == pytest.approx((1 - 1 / 60) ** 100)
    assert promise.miss(1) == promise.miss(2)
    assert promise.miss(3) == 1.0


def test_an_execution_whose_places_were_drawn_from_too_few_choices_does_not_count():
    promise = Promise()
    promise.add(depth=2, assumed=10, choices=25, tasks=2)
    promise.add(depth=2, assumed=25, choices=24, tasks=3)
    assert promise.counted(2) == 1
    assert promise.miss(2) == pytest.approx(1 - 1 / 75)


def test_several_depths_share_the_executions():
    finding = explore(guarded, **{**SEARCH, "depth": [1, 3]})
    data = finding.as_json()
    assert set(data["miss_bound"]) == {"1", "3"}
    assert 0 < data["miss_bound"]["1"] < data["miss_bound"]["3"] < 1
    counts = data["miss_bound_for"]["executions"]
    assert counts["1"] > counts["3"]
    assert counts["1"] <= 60
    n, k = data["miss_bound_for"]["tasks"], data["miss_bound_for"]["choices"]
    assert n == 3
    one = 1 - 1 / (n * k**2)
    assert data["miss_bound"]["3"] <= one ** counts["3"]  # one was drawn from the first guess


def test_the_report_has_both_numbers_that_the_bound_is_made_of():
    report = " ".join(explore(guarded, **SEARCH).report().split())
    assert "miss a bug of depth at most 2 with probability at most" in report
    assert "if no schedule has more than the 3 tasks and" in report
    assert "no power known without a variant that fails" in report


def with_a_sleep():
    together(lambda: time.sleep(0.1), lambda: time.sleep(0.2))


def with_a_time_out():
    lock = threading.Lock()
    lock.acquire()
    together(lambda: lock.acquire(timeout=0.1), lambda: threading.Lock().acquire())


def with_waiters():
    condition, ready = threading.Condition(), []

    def wait():
        with condition:
            while not ready:
                condition.wait()
            ready.pop()

    def tell():
        with condition:
            ready.append(1)
            condition.notify()

    together(wait, wait, tell, tell)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (with_a_sleep, "only waits was demoted|fire early"),
        (with_a_time_out, "fire early"),
        (with_waiters, "which waiter is woken"),
    ],
)
def test_where_priorities_do_not_decide_alone_no_bound_is_stated(body, why):
    miss = explore(body, **SEARCH).odds.miss
    assert miss.bounds == ()
    assert any(one in miss.why_not for one in why.split("|"))
    assert miss.sentence().startswith("no bound from random priorities: ")


@pytest.mark.parametrize("strategy", ["random", "pos", "portfolio", "surw"])
def test_other_strategies_state_no_bound(strategy):
    finding = explore(with_waiters, strategy=strategy, executions=25)
    assert finding.grade == "statistical", finding.reason
    assert finding.as_json()["miss_bound"] == {}
    assert "random priorities" not in finding.report()


def test_nothing_drawn_is_no_bound():
    assert miss_bound_of(Promise()) is None


# --- what is unseen ---------------------------------------------------------------------------


def test_the_report_estimates_what_is_unseen():
    finding = explore(guarded, strategy="random", executions=200)
    (unseen,) = finding.odds.unseen
    assert unseen.strategy == "random"
    assert unseen.looked_at >= 20
    assert unseen.estimate <= unseen.at_most <= 1.0
    assert "one more execution of random shows a new order" in " ".join(finding.report().split())


def test_in_a_portfolio_each_strategy_speaks_for_itself():
    finding = explore(with_waiters, executions=120)
    assert {one.strategy for one in finding.odds.unseen} == {"pos", "random"}


def test_a_strategy_that_still_learns_is_not_spoken_for():
    assert explore(with_waiters, strategy="surw", executions=60).odds.unseen == ()


# --- the positive control ---------------------------------------------------------------------


def test_without_a_control_no_power_is_known():
    finding = explore(guarded, **SEARCH)
    assert finding.odds.power is None
    assert finding.reason.endswith("no power known without a variant that fails")


def test_the_control_is_searched_in_the_same_way_and_its_rate_is_stated():
    finding = explore(guarded, positive_control=racy, **SEARCH)
    power = finding.odds.power
    assert (power.control, power.executions, power.passes) == ("racy", 60, 60)
    assert 0 < power.failures <= 60
    assert power.low < power.failures / 60 <= power.high
    assert power.at_most == pytest.approx((1 - power.low) ** 60)
    assert "no power known" not in finding.reason
    assert "had the bug been as easy to meet as in racy, 60 passes in a row" in finding.reason
    assert "first with AssertionError at test_odds.py:" in finding.reason


def test_a_control_that_does_not_fail_gives_no_power():
    finding = explore(guarded, positive_control=guarded, **SEARCH)
    assert finding.odds.power.at_most is None
    assert "no power known: its control guarded did not fail in 60 executions" in finding.reason


def test_a_systematic_search_has_no_power_by_chance():
    finding = explore(guarded, strategy="bounded", executions=2, positive_control=racy)
    assert "no power known: the executions were not drawn at random" in finding.reason


def test_of_a_portfolio_only_what_was_drawn_counts():
    finding = explore(with_waiters, executions=50, positive_control=racy)
    power = finding.odds.power
    assert power.passes == finding.odds.drawn == 41  # of six turns one is systematic
    assert power.executions == 41


def test_a_failure_or_a_proof_needs_no_control():
    assert explore(racy, positive_control=racy).odds is None
    assert explore(guarded, strategy="exhaustive", positive_control=racy).odds is None


@pytest.mark.parametrize("control", ["racy", 3])
def test_a_control_that_cannot_be_called_is_refused(control):
    with pytest.raises(UsageError, match="positive_control must be something to call"):
        explore(guarded, positive_control=control)


def test_a_control_in_a_child_process_is_refused():
    with pytest.raises(UsageError, match="isolate=True ignores positive_control"):
        explore(guarded, positive_control=racy, isolate=True)


# --- on the way out ---------------------------------------------------------------------------


def test_all_of_it_comes_out_of_a_child_as_it_went_in():
    finding = explore(guarded, positive_control=racy, **SEARCH)
    message = json.loads(json.dumps(pack_finding(finding)))
    assert unpack_finding(message) == finding
    assert explore(guarded, isolate=True, **SEARCH).odds == explore(guarded, **SEARCH).odds


def test_every_field_is_there_where_nothing_is_known():
    data = explore(racy).as_json()
    assert (data["miss_bound"], data["unseen"], data["power"], data["worth"]) == ({}, [], None, [])
    assert Odds(3).sentences() == []


def test_a_bound_is_rounded_to_the_safe_side():
    assert [rounded_up(share) for share in (0.1234, 0.0999, 0.00012341, 3.21e-7, 1.0)] == [
        "13%",
        "10%",
        "0.013%",
        "3.3e-07",
        "100%",
    ]
    assert [rounded_down(share) for share in (0.1299, 0.5, 1.0)] == ["12%", "50%", "100%"]
    assert rounded_up(1e-200) == rounded_up(LEAST) == "1e-09"
    assert rounded_down(0.0) == "0%"
