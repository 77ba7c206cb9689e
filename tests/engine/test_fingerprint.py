"""Fingerprints of executions: one for each class of equivalent schedules, no more and no less."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.behaviours import AT_MOST, FIRST, THEN_ONE_IN, Behaviours, Tally
from pytest_racecheck.engine.fingerprint import Watched
from pytest_racecheck.engine.strategies.dpor import Reduced
from pytest_racecheck.engine.strategies.events import Events, Recorder
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.pos import PartialOrderSampling
from pytest_racecheck.engine.strategies.races import analyse
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from reduced_programs import PROGRAMS

#: The largest of them are left to the test of the reduction.
LARGEST = 60


class Seen(Recorder):
    """Takes down the operations at scheduling points, as the reduction does."""

    touched = touched_data = None

    def __init__(self, decider):
        super().__init__(Events())
        self.pick = decider.pick


def class_of(events, tasks):
    analyse(events, 0, tasks)
    made, nth = {}, []
    for task in events.tasks:
        nth.append(made.get(task, 0))
        made[task] = nth[-1] + 1
    return frozenset(
        (task, nth[at], tuple(nth[before] if before >= 0 else -1 for before in events.clocks[at]))
        for at, task in enumerate(events.tasks)
    )


@contextmanager
def running(body):
    with controlled_runner(body, Plan()) as runner:
        runner.execute(next(Reduced().deciders()))  # imports what it imports
        yield runner


def schedules_of(body, most):
    """(fingerprint, class by vector clocks) of every schedule, or of the first so many."""
    found = []
    with running(body) as runner:
        for decider in Exhaustive().deciders():
            seen = Seen(decider)
            watched = Watched(seen)
            execution = runner.execute(watched)
            found.append((watched.fingerprint, class_of(seen.events, len(execution.tasks))))
            if len(found) == most:
                break
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_two_schedules_have_the_same_fingerprint_when_they_are_equivalent(name):
    found = schedules_of(PROGRAMS[name], LARGEST)
    by_fingerprint, by_class = dict(found), {one: number for number, one in found}
    assert all(by_fingerprint[number] == one for number, one in found)
    assert all(by_class[one] == number for number, one in found)


def test_nothing_shared_is_one_class_and_everything_shared_is_all_of_them():
    assert len({number for number, _ in schedules_of(PROGRAMS["two_variables"], 1000)}) == 1
    assert len({number for number, _ in schedules_of(PROGRAMS["lost_update"], 1000)}) == 4


def test_looking_at_an_execution_does_not_change_it():
    def body():
        lock, done = threading.Lock(), []

        def work(n):
            with lock:
                done.append(n)

        for n in range(3):
            threading.Thread(target=work, args=(n,)).start()

    with running(body) as runner:
        for strategy in (RandomWalk, PartialOrderSampling):
            pairs = zip(strategy(3).deciders(), strategy(3).deciders(), strict=True)
            for _, (plain, other) in zip(range(20), pairs, strict=False):
                watched = Watched(other)
                assert runner.execute(plain).decisions == runner.execute(watched).decisions


def test_what_is_looked_at_is_fixed_beforehand_and_little():
    tally = Tally()
    looked_at = [n for n in range(2000) if tally.due()]
    assert looked_at[:FIRST] == list(range(FIRST))
    assert len(looked_at) <= FIRST + 2000 / THEN_ONE_IN


def test_memory_is_bounded():
    tally = Tally(classes=[0] * AT_MOST)
    assert not tally.due()


def test_executions_drawn_in_another_way_are_told_apart():
    tally = Tally()
    for generation in (0, 0, 7, 7, 7):
        tally.add(1, generation)
    assert (tally.alike_from, len(tally.classes)) == (2, 5)


def test_systematic_strategies_are_not_looked_at():
    behaviours, strategy = Behaviours(), Exhaustive()
    decider = next(strategy.deciders())
    assert behaviours.look_at(strategy, decider) is decider
    assert behaviours.tallies == {}
