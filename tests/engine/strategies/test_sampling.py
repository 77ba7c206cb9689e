"""The samplers: what each is good at, that a seed decides everything, and that they are fair."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from random import Random

import pytest

from pytest_racecheck import explore
from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.carrier import Carrier
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.schedule import record
from pytest_racecheck.engine.strategies.kinds import kind_of
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from pytest_racecheck.engine.strategies.profile import Profile
from pytest_racecheck.engine.strategies.surw import _Walk
from pytest_racecheck.engine.task import Task
from twins import together

SAMPLERS = ("random", "pct", "pos", "surw", "swarm", "kinds")


class Pair:
    """Two numbers that belong together."""

    def __init__(self):
        self.one = self.other = 0

    def method(self):
        pass


def many_setters(setters, fixed=False):
    """Many set both numbers, one looks at both: torn only between the first setter's two steps."""
    pair, lock = Pair(), threading.Lock()

    def put():
        if fixed:
            with lock:
                pair.one, pair.other = 1, -1
        else:
            pair.one = 1
            pair.other = -1

    def check():
        if fixed:
            with lock:
                assert pair.one + pair.other == 0
        else:
            assert pair.one + pair.other == 0

    together(*[put] * setters, check)


@pytest.mark.parametrize("strategy", SAMPLERS)
def test_a_sampler_finds_a_shallow_race_and_accuses_no_correct_program(strategy):
    finding = explore(lambda: many_setters(2), strategy=strategy, executions=1000, seconds=60)
    assert finding.verdict == "reproduced", finding.report()
    finding = explore(lambda: many_setters(2, fixed=True), strategy=strategy, executions=150)
    assert finding.failure is None, finding.report()


def test_the_selective_walk_finds_what_needs_many_tasks_held_back():
    for seed in range(3):
        finding = explore(
            lambda: many_setters(20), strategy="surw", seed=seed, executions=800, seconds=60
        )
        assert finding.verdict == "reproduced", finding.report()


def test_the_selective_walk_counts_equal_tasks_as_one_in_every_other_execution():
    def first_of(by_kind):
        walk = _Walk(Random(7), Profile(), by_kind=by_kind)
        tasks = [Task(at, f"main/{at}", "T", Carrier()) for at in range(1, 11)]
        for task in tasks:
            task.thread = threading.Thread(target=Pair.method if task.index == 1 else len)
            walk._left[task.index] = 1
        return [walk._by_what_is_left(tasks) for _ in range(400)].count(1)

    assert 150 < first_of(True) < 250  # one of two kinds
    assert 15 < first_of(False) < 75  # one of ten tasks


def test_an_operation_that_lost_a_race_draws_its_priority_again():
    profile = Profile()
    profile.counts = {0: {"main/1": 1, "main/2": 1}}  # something else is selected
    walk = _Walk(Random(7), profile, by_kind=False)
    mover, rival, other = (Task(at, f"main/{at}", "T", Carrier()) for at in (1, 2, 3))
    pair, apart = Pair(), Pair()
    write = Site("attribute", "write", "one", 1)
    for task, target in ((mover, pair), (rival, pair), (other, apart)):
        task.pending = (write.label, target, write)
        walk.performed(task)
    before = dict(walk._priority)
    walk.operation(mover)
    assert walk._priority[rival.index] != before[rival.index]
    assert walk._priority[other.index] == before[other.index]


@pytest.mark.parametrize("setters", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_priorities_by_kind_do_not_care_how_many_tasks_do_the_same(setters):
    for seed in range(3):
        finding = explore(
            lambda: many_setters(setters), strategy="kinds", seed=seed, executions=300, seconds=60
        )
        assert finding.verdict == "reproduced", finding.report()


def test_a_kind_is_what_a_thread_runs():
    class Worker(threading.Thread):
        def run(self):
            pass

    def one():
        pass

    def other(_):
        pass

    def kind(thread):
        task = Task(1, "main/0", "task", None)
        task.thread = thread
        return kind_of(task)

    assert kind(threading.Thread(target=one)) == kind(threading.Thread(target=one, name="x"))
    assert kind(threading.Thread(target=one)) != kind(threading.Thread(target=other))
    assert kind(threading.Thread(target=partial(other, 1))) == kind(threading.Thread(target=other))
    assert "Worker" in kind(Worker())
    assert kind(threading.Thread(target=Pair().method)) == kind(
        threading.Thread(target=Pair().method)
    )
    assert kind(None) == "task"


def schedules(strategy, seed, number, body):
    runner = Runner(body)
    deciders = make_strategy(strategy, StrategyOptions(seed)).deciders()
    with runner.ready():
        return [
            record(strategy, runner.execute(decider).decisions).text()
            for decider, _ in zip(deciders, range(number), strict=False)
        ]


@pytest.mark.parametrize("strategy", SAMPLERS)
def test_a_seed_decides_every_schedule(strategy):
    from pytest_racecheck.adapters.threads import control_threads

    with control_threads():
        first = schedules(strategy, 7, 30, lambda: many_setters(3, fixed=True))
        again = schedules(strategy, 7, 30, lambda: many_setters(3, fixed=True))
        other = schedules(strategy, 8, 30, lambda: many_setters(3, fixed=True))
    assert first == again
    assert first != other


@pytest.mark.parametrize("strategy", ["random", "pos", "surw", "swarm", "kinds"])
def test_which_waiter_a_notify_wakes_is_sampled_too(strategy):
    woken = Counter()

    def body():
        condition, here = threading.Condition(), []

        def wait():
            with condition:
                here.append(1)
                condition.wait(100)
                woken[threading.current_thread().name] += 1
                condition.notify_all()

        def wake():
            with condition:
                condition.notify()

        threads = [threading.Thread(target=wait, name=name) for name in "ab"]
        for thread in threads:
            thread.start()
        while len(here) < 2:
            threading.Event().wait(0.01)
        waker = threading.Thread(target=wake)
        for thread in (waker, *threads):
            if thread is waker:
                thread.start()
            thread.join()

    explore(body, strategy=strategy, executions=60, seconds=60)
    assert woken["a"]
    assert woken["b"]
