"""The reduction runs one schedule of every class: compared with all schedules, by brute force."""

from __future__ import annotations

import heapq
import threading
from contextlib import contextmanager
from functools import partial

import pytest

from pytest_racecheck import explore
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.strategies.dpor import Reduced
from pytest_racecheck.engine.strategies.events import Events, Recorder
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.races import analyse
from reduced_programs import ORDERS, PROGRAMS, WITHOUT_GATES, Box
from twins import together

BRUTE_LIMIT = 10_000


class Watched(Recorder):
    """Decides as another decider, and writes down the events."""

    def __init__(self, decider):
        super().__init__(Events())
        self.pick = decider.pick


def class_of(events, tasks):
    """The partial order of the events, with each event named by its task and its number there."""
    copy = Events()
    copy.tasks, copy.touches = list(events.tasks), [list(t) for t in events.touches]
    analyse(copy, 0, tasks)
    made, nth = {}, []
    for task in copy.tasks:
        nth.append(made.get(task, 0))
        made[task] = nth[-1] + 1
    return frozenset(
        (task, nth[at], tuple(nth[before] if before >= 0 else -1 for before in copy.clocks[at]))
        for at, task in enumerate(copy.tasks)
    )


@contextmanager
def running(body, points):
    """A runner under which data is recorded, at either level."""
    plan = Plan(strategy="exhaustive", points=points)
    with controlled_runner(body, plan) as runner:
        runner.execute(next(Reduced().deciders()))  # imports what it imports
        yield runner


def by_brute_force(body, points):
    classes, runs = set(), 0
    with running(body, points) as runner:
        for decider in Exhaustive().deciders():
            watched = Watched(decider)
            execution = runner.execute(watched)
            classes.add(class_of(watched.events, len(execution.tasks)))
            runs += 1
            assert runs < BRUTE_LIMIT, "too large for brute force"
    return classes, runs


def by_reduction(body, points):
    strategy, classes = Reduced(), []
    with running(body, points) as runner:
        for decider in strategy.deciders():
            execution = runner.execute(decider)
            assert execution.divergence is None
            if not execution.redundant:
                classes.append(class_of(decider.events, len(execution.tasks)))
    assert strategy.grade == "exhausted"
    return classes, strategy.redundant


@pytest.mark.parametrize("points", ["access", "sync"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_there_are_as_many_complete_executions_as_classes(name, points):
    expected, runs = by_brute_force(PROGRAMS[name], points)
    classes, redundant = by_reduction(PROGRAMS[name], points)
    assert set(classes) == expected
    assert len(expected) <= len(classes) <= runs
    if points == "access":  # at the other level it is not known before what an event will touch
        assert len(classes) == len(expected)
        assert redundant <= 1 + len(expected) // 20


def test_nothing_shared_is_one_class_and_everything_shared_is_all_of_them():
    assert len(by_reduction(PROGRAMS["two_variables"], "access")[0]) == 1
    assert len(by_reduction(PROGRAMS["lost_update"], "access")[0]) == 4


@pytest.mark.parametrize("name", WITHOUT_GATES)
@pytest.mark.parametrize("points", ["access", "sync"])
def test_an_order_that_matters_where_there_are_no_gates_is_found(name, points):
    finding = explore(WITHOUT_GATES[name], strategy="exhaustive", points=points, executions=2000)
    assert finding.verdict == "reproduced", finding.report()


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_that_matters_is_among_the_classes(name):
    finding = explore(ORDERS[name], strategy="exhaustive", executions=2000)
    assert finding.verdict == "reproduced", finding.report()


def beside(work):
    """One works with a list of its own while the other one changes something else."""
    items, box = [1], Box()

    def change():
        box.value = 1
        box.value += 1

    together(lambda: work(items), change)


def size(items):
    return len(items) + len(list(items))


@pytest.mark.parametrize(
    "work",
    [
        size,
        lambda items: items.append(size(items)),
        lambda items: items.extend(items) or (items == [1]) or f"{items}",
    ],
)
def test_what_touches_one_container_is_independent_of_all_else(work):
    assert explore(partial(beside, work), strategy="exhaustive").executions == 1


def test_what_calls_unknown_code_is_not():
    finding = explore(
        partial(beside, lambda items: heapq.heappush(items, 0)), strategy="exhaustive"
    )
    assert finding.executions > 1


def hidden_behind(steps, broken):
    """The failure needs one task to be between two steps of the other, among many harmless ones."""
    pair, lock = {"left": 0, "right": 0}, threading.Lock()

    def change():
        if broken:
            pair["left"] = 1
            pair["right"] = 1
        else:
            with lock:
                pair["left"] = 1
                pair["right"] = 1

    def check():
        own = []
        for at in range(steps):
            own.append(at)  # noqa: PERF402 - each is to be an operation of its own
        with lock:
            assert pair["left"] == pair["right"]

    together(change, check)


def test_harmless_steps_cost_nothing():
    few = explore(partial(hidden_behind, 1, False), strategy="exhaustive")
    many = explore(partial(hidden_behind, 50, False), strategy="exhaustive")
    assert (few.verdict, many.verdict) == ("ruled out", "ruled out")
    assert few.executions == many.executions
    assert "one was run" in many.reason
    assert explore(partial(hidden_behind, 50, True), strategy="exhaustive").verdict == "reproduced"


def test_a_failing_task_does_not_hide_what_the_others_do():
    """A second failure, which only comes when the first one did, is among the classes."""
    seen = set()

    def body():
        box = {"a": 0}

        def fail():
            assert box["a"] == 0

        def write():
            box["a"] = 1

        def look():
            seen.add(box["a"])

        for function in (fail, write, look):
            threading.Thread(target=function).start()

    classes, _ = by_reduction(body, "access")
    assert len(classes) == len(by_brute_force(body, "access")[0])
    assert seen == {0, 1}


def test_a_waiter_to_wake_is_a_branch():
    woken = set()

    def body():
        condition, waiting = threading.Condition(), []

        def wait(name):
            with condition:
                waiting.append(name)
                condition.wait()
                woken.add((name, len(waiting)))

        def wake():
            with condition:
                if len(waiting) == 2:
                    condition.notify()
                    condition.notify()

        threads = [threading.Thread(target=wait, args=(name,), daemon=True) for name in "ab"]
        for thread in threads:
            thread.start()
        waker = threading.Thread(target=wake)
        waker.start()
        waker.join()

    by_reduction(body, "access")
    assert {name for name, _ in woken} == {"a", "b"}
