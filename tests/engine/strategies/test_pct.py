"""Random priorities: the paper's guarantee, measured on programs whose bugs have a known depth."""

from __future__ import annotations

from itertools import islice
from math import sqrt

import pytest

from pytest_racecheck.engine.strategies.pct import PCT
from pytest_racecheck.engine.task import Task
from strategy_programs import plain, run

SAMPLE = 3000


def first_before(order):
    """Depth 1: the last task moves before anybody else does."""
    return order[0] == max(order)


def torn(order):
    """Depth 2: task 1 moves between the second and the third operation of task 0."""
    mine = [at for at, index in enumerate(order) if index == 0]
    return 1 in order[mine[1] : mine[2]]


def torn_twice(order):
    """Depth 3: task 1 moves within task 0 as above, and task 0 in turn within task 1."""
    other = [at for at, index in enumerate(order) if index == 1]
    return torn(order) and 0 in order[other[1] : other[2]]


CASES = [
    (first_before, [plain(3)] * 2, 1),
    (first_before, [plain(2)] * 4, 1),
    (torn, [plain(4), plain(4)], 2),
    (torn, [plain(4), plain(2), plain(2)], 2),
    (torn_twice, [plain(5), plain(5)], 3),
]


@pytest.mark.parametrize(("bug", "program", "depth"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_bug_is_hit_at_least_as_often_as_promised(bug, program, depth, seed):
    hits = [
        bug(run(program, decider).order) for decider in islice(PCT(seed, depth).deciders(), SAMPLE)
    ]
    n, k = len(program), sum(map(len, program))
    promised = 1 / (n * k ** (depth - 1))
    chance = 3 * sqrt(promised * (1 - promised) / SAMPLE)  # of a sample, three standard deviations
    assert sum(hits) / SAMPLE >= promised - chance


@pytest.mark.parametrize("seed", range(5))
def test_without_a_change_of_priority_nobody_is_preempted(seed):
    for decider in islice(PCT(seed, 1).deciders(), 100):
        assert run([plain(3)] * 3, decider).preemptions == 0


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_there_are_at_most_depth_less_one_preemptions(depth):
    preemptions = [
        run([plain(6)] * 3, decider).preemptions
        for decider in islice(PCT(0, depth).deciders(), 500)
    ]
    assert max(preemptions) == depth - 1


def test_the_same_seed_gives_the_same_schedules():
    program = [plain(5)] * 3

    def orders(seed):
        return [run(program, one).order for one in islice(PCT(seed, 3).deciders(), 100)]

    assert orders(4) == orders(4)
    assert orders(4) != orders(5)


@pytest.mark.parametrize("label", ["sleep", "yield", "try acquire", "poll"])
def test_a_task_that_only_waits_gives_way(label):
    spinning, other = (Task(n, f"main/{n}", "", None) for n in range(2))
    spinning.pending = (label, None, None)
    for decider in islice(PCT(0, 1).deciders(), 20):
        picked = [decider.pick([spinning, other], spinning, ()) for _ in range(3)]
        assert other in picked


def test_a_time_out_fires_when_nobody_else_can():
    late, later = (Task(n, f"main/{n}", "", None) for n in range(2))
    for decider in islice(PCT(0, 3).deciders(), 20):
        assert decider.pick([], None, [late, later]) in (late, later)
