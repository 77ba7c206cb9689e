"""A portfolio takes its members in turn, and ends when one of them has seen everything."""

from __future__ import annotations

from itertools import islice

from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from pytest_racecheck.engine.strategies.portfolio import Portfolio
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from strategy_programs import every_run, plain, run


def test_members_take_turns_and_are_named():
    portfolio = Portfolio(Exhaustive(), [RandomWalk(0), RandomWalk(1)])
    names = []
    for decider in islice(portfolio.deciders(), 7):
        names.append(portfolio.current)
        run([plain(3), plain(3)], decider)
    assert names == [
        "exhaustive",
        "random",
        "random",
        "exhaustive",
        "random",
        "random",
        "exhaustive",
    ]


def test_a_small_program_is_exhausted_on_the_way():
    program = [plain(2), plain(2)]
    portfolio = make_strategy("portfolio", StrategyOptions(points="sync"))
    orders = [tuple(run(program, decider).order) for decider in portfolio.deciders()]
    assert portfolio.grade == "exhausted"
    assert set(orders) == {tuple(one.order) for one in every_run(program)}


def test_a_large_program_is_not_called_exhausted():
    portfolio = make_strategy("portfolio", StrategyOptions(points="sync"))
    for decider in islice(portfolio.deciders(), 200):
        run([plain(9), plain(9)], decider)
    assert portfolio.grade in (None, "bounded")


def test_the_bound_that_was_finished_is_that_of_the_systematic_member():
    portfolio = make_strategy("portfolio", StrategyOptions(points="sync"))
    assert portfolio.preemptions is None
    for decider in islice(portfolio.deciders(), 14):  # two of them, which is all without preemption
        run([plain(3), plain(3)], decider)
    assert portfolio.preemptions == 0


def test_the_seed_reaches_the_members():
    def orders(seed):
        portfolio = make_strategy("portfolio", StrategyOptions(seed))
        return [run([plain(6)] * 3, one).order for one in islice(portfolio.deciders(), 40)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_a_member_with_two_turns_goes_on_where_it_was():
    portfolio = make_strategy("portfolio", StrategyOptions(3, points="sync"))
    alone = make_strategy("surw", StrategyOptions(3)).deciders()
    program, found = [plain(9)] * 3, []
    for decider in islice(portfolio.deciders(), 18):
        order = run(program, decider).order
        if portfolio.current == "surw":
            found.append(order)
    assert len(found) == 6
    assert found == [run(program, next(alone)).order for _ in found]
