"""A random walk depends on its seed and its number, and reaches everything."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from math import comb

import pytest

from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from pytest_racecheck.engine.task import Task
from strategy_programs import plain, run

PROGRAM = [plain(3), plain(3)]


def orders(seed, count, program=PROGRAM):
    return [tuple(run(program, one).order) for one in islice(RandomWalk(seed).deciders(), count)]


def test_the_same_seed_gives_the_same_walks():
    assert orders(7, 50) == orders(7, 50)


def test_different_seeds_give_different_walks():
    assert orders(7, 50) != orders(8, 50)


def test_a_walk_does_not_depend_on_how_long_those_before_it_were():
    after_short, after_long = RandomWalk(1).deciders(), RandomWalk(1).deciders()
    run([plain(1), plain(1)], next(after_short))
    run([plain(50), plain(50)], next(after_long))
    assert run(PROGRAM, next(after_short)).order == run(PROGRAM, next(after_long)).order


def test_a_walk_that_nobody_takes_changes_nothing():
    taken, skipped = RandomWalk(3).deciders(), RandomWalk(3).deciders()
    run(PROGRAM, next(taken))
    next(skipped)
    assert run(PROGRAM, next(taken)).order == run(PROGRAM, next(skipped)).order


def test_every_interleaving_is_reached():
    assert len(set(orders(0, 2000))) == comb(6, 3)


def test_each_task_is_chosen_about_as_often():
    first = Counter(order[0] for order in orders(0, 3000, [plain(1)] * 3))
    assert set(first) == {0, 1, 2}
    assert all(850 < count < 1150 for count in first.values())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_time_out_fires_early_now_and_then_and_always_when_nobody_else_can(seed):
    able, late = (Task(n, f"main/{n}", "", None) for n in range(2))
    picked = Counter(
        decider.pick([able, able], None, [late]).index
        for decider in islice(RandomWalk(seed).deciders(), 1000)
    )
    assert 50 < picked[1] < 200
    assert next(RandomWalk(seed).deciders()).pick([], None, [late, late]) is late
