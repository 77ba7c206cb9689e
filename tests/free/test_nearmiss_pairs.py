"""Pairs that nearly met: how likely and how long a delay is, and what is read from a file."""

from __future__ import annotations

import copy

import pytest

from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.nearmiss import Pair, Pairs
from pytest_racecheck.free.nearmiss.budget import ALLOWANCE_S, MOST_CREDIT, Budget
from pytest_racecheck.free.nearmiss.pairs import (
    CLOSE,
    FRUITLESS,
    LONGEST_S,
    MEET,
    MENDED,
    MOST_PAIRS,
    READY,
)


def test_each_delay_in_vain_makes_the_next_one_less_likely():
    pair = Pair(MEET, "a", "b", 0.01)
    seen = []
    while pair.probability > 0:
        seen.append(pair.probability)
        pair.in_vain()
    assert seen[0] == 0.99
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 10


def test_a_delay_is_longer_than_the_gap_and_has_an_end():
    short, long = Pair(MEET, "a", "b", 0.001), Pair(READY, "a", "b", 0.05)
    assert short.delay_s > 0.006
    assert 0.05 * 1.15 < long.delay_s < LONGEST_S
    for _ in range(9):
        long.in_vain()
    assert long.delay_s == LONGEST_S


def test_a_near_miss_that_recurs_is_likely_again_until_it_was_in_vain_too_often():
    pairs = Pairs()
    pairs.near_miss(MEET, "a", "b", 0.01, 1)
    (pair,) = pairs
    for _ in range(FRUITLESS - 1):
        pair.in_vain()
    pairs.near_miss(MEET, "a", "b", 0.02, 4)
    assert (pair.visits, pair.gap_s, pair.passage) == (0, 0.01, 1)
    pair.in_vain()
    pairs.near_miss(MEET, "a", "b", 0.02, 4)
    assert pair.visits == 1


def test_a_gap_that_a_delay_is_a_part_of_does_not_count():
    pairs = Pairs()
    pairs.near_miss(READY, "a", "b", 0.01, 1)
    pairs.near_miss(READY, "a", "b", 0.09, 1, disturbed=True)
    (pair,) = pairs
    assert pair.gap_s == 0.01
    pairs.near_miss(READY, "a", "b", 0.02, 3)
    assert (pair.gap_s, pair.passage) == (0.02, 3)


def test_the_earlier_side_is_held_and_the_later_one_when_that_was_in_vain():
    pairs = Pairs([Pair(MEET, "a", "b", 0.01, passage=1)])
    assert pairs.due("a", (MEET,), 0.0, 1) is not None
    assert pairs.due("b", (MEET,), 0.0, 1) is None
    next(iter(pairs)).in_vain()
    assert pairs.due("b", (MEET,), 0.0, 1) is not None
    assert pairs.due("c", (MEET,), 0.0, 1) is None


def test_of_an_order_one_side_alone_is_held():
    pair = Pair(CLOSE, "use", "close", 0.01, fruitless=3, passage=1)
    pairs = Pairs([pair])
    assert pairs.due("use", (CLOSE,), 0.0, 1) is pair
    assert pairs.due("close", (CLOSE,), 0.0, 1) is None
    assert pairs.due("use", (READY,), 0.0, 1) is None


def test_another_passage_is_seldom_held():
    pairs = Pairs([Pair(MEET, "a", "b", 0.01, passage=3)])
    assert pairs.due("a", (MEET,), 0.5, 3) is not None
    assert pairs.due("a", (MEET,), 0.5, 2) is None
    assert pairs.due("a", (MEET,), 0.01, 2) is not None


def test_the_pair_that_was_tried_least_comes_first():
    tried, fresh = Pair(MEET, "a", "b", 0.01, fruitless=2), Pair(MEET, "a", "c", 0.05, passage=1)
    assert Pairs([tried, fresh]).due("a", (MEET,), 0.0, 1) is fresh


def test_what_something_orders_is_dropped_when_that_was_seen_twice():
    pairs = Pairs([Pair(MEET, "a", "b", 0.01, passage=1)])
    pairs.order("a", "b")
    assert pairs.due("a", (MEET,), 0.0, 1) is not None
    pairs.order("a", "b")
    assert pairs.due("a", (MEET,), 0.0, 1) is None


def test_who_was_caught_is_waited_for_until_it_seems_mended():
    pairs = Pairs()
    pair = pairs.caught("a", "b", 0.02)
    assert pair.probability == 1.0
    for _ in range(MENDED):
        assert pair.found
        pair.in_vain()
    assert not pair.found


def test_a_book_for_replays_learns_nothing_and_changes_nothing():
    pair = Pair(MEET, "a", "b", 0.01, passage=1)
    book = Pairs([pair]).only([pair])
    book.near_miss(MEET, "c", "d", 0.01, 1)
    assert [(one.first, one.probability) for one in book] == [("a", 1.0)]
    assert not pair.found


def test_there_is_an_end_to_what_is_remembered():
    pairs = Pairs()
    for number in range(MOST_PAIRS + 5):
        pairs.near_miss(MEET, f"a{number}", "b", 0.01, 1)
    pairs.near_miss(MEET, "x" * 5000, "b", 0.01, 1)
    assert len(pairs) == MOST_PAIRS


GOOD = Pair(MEET, "a", "b", 0.01, 1, 2, 0, True, 3, True).as_json()


def test_a_pair_comes_back_from_a_file():
    assert Pair.of_json(copy.deepcopy(GOOD)).as_json() == GOOD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("kind", v) for v in ("other", None, 3, ["meet"])],
        *[("first", v) for v in ("", "x" * 1000, None, 7)],
        *[("gap_s", v) for v in (-1, "1", None, True, float("nan"), float("inf"), 1e9)],
        *[("visits", v) for v in (-1, 1.5, "1", None, True, 10**12)],
        *[("passage", v) for v in (-1, 1.5, "1", None, True)],
        *[("found", v) for v in (0, "yes", None)],
        *[("leads_on", v) for v in (0, "yes", None)],
    ],
)
def test_a_pair_that_is_none_is_refused(name, value):
    with pytest.raises(UsageError):
        Pair.of_json({**GOOD, name: value})


@pytest.mark.parametrize("wrong", [None, [], "pair", 3, {}])
def test_something_else_is_no_pair(wrong):
    with pytest.raises(UsageError):
        Pair.of_json(wrong)


def test_delays_are_a_share_of_the_time():
    budget = Budget(expected_s=1.0, share=0.2)
    assert budget.allows(0.2, 0.0)
    budget.spend(0.2)
    assert budget.allows(ALLOWANCE_S, 0.0)
    assert not budget.allows(ALLOWANCE_S + 0.001, 0.0)
    assert budget.allows(0.1, 1.5)  # the run takes longer than the last one
    budget.give_back(0.15)
    assert budget.allows(0.15, 0.0)
    assert (budget.delays, round(budget.spent_s, 3)) == (1, 0.05)


def test_what_is_sure_to_be_found_is_held_whatever_it_costs_but_once():
    budget = Budget(expected_s=0.01)
    assert budget.allows(0.1, 0.0, sure=True)
    budget.spend(0.1)
    assert not budget.allows(0.1, 0.0, sure=True)


def test_what_a_run_leaves_over_the_next_ones_may_use():
    first = Budget(expected_s=1.0, share=0.2)
    first.spend(0.05)
    credit_s = first.credit_s(1.0)
    assert round(credit_s, 3) == 0.15
    second = Budget(1.0, 0.2, credit_s)
    assert second.allows(0.35, 0.0)
    assert not second.allows(0.35 + ALLOWANCE_S + 0.001, 0.0)
    for _ in range(20):
        credit_s = Budget(1.0, 0.2, credit_s).credit_s(1.0)
    assert credit_s == pytest.approx(0.2 * MOST_CREDIT)
