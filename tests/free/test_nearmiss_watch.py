"""Real threads at gates: who is held, who is caught, and who never is."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_racecheck.free.nearmiss import Contracts, Pair, Pairs, Watch, gates
from pytest_racecheck.free.nearmiss import pairs as pairs_module
from pytest_racecheck.free.nearmiss.births import threads_noted
from pytest_racecheck.free.nearmiss.budget import Budget
from pytest_racecheck.free.nearmiss.pairs import MEET, READY
from pytest_racecheck.free.nearmiss.site import Place, Site

LONG_S = 20.0  # nobody waits for its end: who comes ends it


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is held is held until somebody comes, on the slowest machine too."""
    monkeypatch.setattr(pairs_module, "PATIENT_S", LONG_S)
    monkeypatch.setattr(pairs_module, "LONGEST_S", LONG_S)


def site(name: str, line: int = 1) -> Site:
    return Site(Place("shop.py", "shop.py", f"function{line}", line), name, f"x.{name}()", line)


def pair_of(first: Site, second: Site, **more: Any) -> Pair:
    return Pair(MEET, first.key, second.key, 0.001, found=True, passage=1, **more)


class Room:
    """A watch, and threads under it."""

    def __init__(self, *known: Pair, budget: Budget | None = None) -> None:
        self._noted = threads_noted(forward=False)
        self.threads = self._noted.__enter__()
        self.pairs = Pairs(known)
        self.watch = Watch(
            self.pairs,
            Contracts(),
            self.threads,
            seed="0",
            budget=budget or Budget(1000.0, 10.0),
        )
        self._running: list[threading.Thread] = []
        gates.watch_with(self.watch)

    def start(self, function: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=function, name=function.__name__)
        thread.start()
        self._running.append(thread)
        return thread

    def wait_until_held(self) -> None:
        while not self.watch.traps:
            os.sched_yield()

    def close(self) -> None:
        for thread in self._running:
            thread.join()
        gates.watch_with(None)
        self._noted.__exit__(None, None, None)


@pytest.fixture
def room() -> Iterator[Callable[..., Room]]:
    made: list[Room] = []

    def make(*known: Pair, **more: Any) -> Room:
        made.append(Room(*known, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_who_is_held_meets_who_comes_and_both_stacks_are_known(room, patient):
    write, read = site("__setitem__", 1), site("pop", 2)
    shared = {"a": 1}
    look = site("get", 1)
    here = room(pair_of(write, read))

    def holder() -> None:
        gates.called_with(look, shared, "a")
        gates.called_with(write, shared, "a")

    def comer() -> None:
        here.wait_until_held()
        gates.called_with(read, shared, "a")

    here.start(holder)
    here.start(comer).join()
    (met,) = here.watch.meetings
    assert (met.first.thread, met.second.thread) == ("holder", "comer")
    assert (met.first.where, met.second.where) == ("shop.py:1", "shop.py:2")
    assert any("holder" in call for call in met.first.stack)
    assert any("comer" in call for call in met.second.stack)
    assert met.object == "dict"
    assert "holder was at `x.__setitem__()`" in met.sentence
    assert [(pair.first, pair.second) for pair in here.watch.caught] == [(write.key, read.key)]


@pytest.mark.parametrize(
    ("held", "comes"),
    [
        (("__setitem__", "a"), ("__setitem__", "b")),  # another part
        (("__setitem__", "a"), ("get", "a")),  # a look may meet a write
        (("append", 1), ("append", 2)),  # each in one piece
    ],
)
def test_what_may_meet_is_never_reported(room, held, comes, monkeypatch):
    monkeypatch.setattr(pairs_module, "PATIENT_S", 0.05)
    first, second = site(held[0], 1), site(comes[0], 2)
    shared: Any = [] if held[0] == "append" else {"a": 1, "b": 2}
    here = room(pair_of(first, second))
    there = threading.Event()

    def holder() -> None:
        gates.called_with(first, shared, held[1])
        there.set()

    def comer() -> None:
        here.wait_until_held()
        gates.called_with(second, shared, comes[1])

    here.start(holder)
    here.start(comer).join()
    there.wait()
    assert here.watch.budget.delays == 1
    assert here.watch.meetings == []


def test_a_key_that_is_there_may_be_assigned_to_while_somebody_walks(room, patient, monkeypatch):
    monkeypatch.setattr(pairs_module, "PATIENT_S", 0.05)
    walk, put = site("__iter__", 1), site("__setitem__", 2)
    shared = {"a": 1}
    here = room(pair_of(walk, put))

    def walker() -> None:
        gates.called(walk, shared)

    here.start(walker)
    here.wait_until_held()
    gates.called_with(put, shared, "a")
    assert here.watch.meetings == []


def test_the_same_with_a_new_key_is_a_meeting(room, patient):
    walk, put = site("__iter__", 1), site("__setitem__", 2)
    shared = {"a": 1}
    here = room(pair_of(walk, put))

    def walker() -> None:
        gates.called(walk, shared)

    here.start(walker)
    here.wait_until_held()
    gates.called_with(put, shared, "b")
    assert len(here.watch.meetings) == 1


def test_two_objects_do_not_meet(room, monkeypatch):
    monkeypatch.setattr(pairs_module, "PATIENT_S", 0.05)
    walk, put = site("__iter__", 1), site("add", 2)
    here = room(pair_of(walk, put))
    mine, yours = {1}, {1}

    def walker() -> None:
        gates.called(walk, mine)

    here.start(walker)
    here.wait_until_held()
    gates.called_with(put, yours, 2)
    assert here.watch.meetings == []


def test_who_holds_a_lock_meets_nobody_who_needs_it(room, monkeypatch):
    monkeypatch.setattr(pairs_module, "PATIENT_S", 0.05)
    walk, put = site("__iter__", 1), site("add", 2)
    here, shared, lock = room(pair_of(walk, put)), {1}, threading.Lock()

    def walker() -> None:
        with lock:
            gates.called(walk, shared)

    def adder() -> None:
        with lock:
            gates.called_with(put, shared, 2)

    here.start(walker)
    here.wait_until_held()
    here.start(adder).join()
    assert here.watch.budget.delays == 1
    assert here.watch.meetings == []


def test_near_misses_are_noted_with_their_gap_and_what_orders_them_is_not(room):
    put, walk = site("add", 1), site("__iter__", 2)
    here, shared = room(), {1}
    gone = threading.Event()

    def adder() -> None:
        gates.called_with(put, shared, 2)
        gone.set()

    gates.called(walk, shared)  # before the thread is started
    thread = here.start(adder)
    gone.wait()
    gates.called(walk, shared)  # beside it
    thread.join()
    noted = {(pair.first, pair.second) for pair in here.pairs}
    assert noted == {(put.key, walk.key)}
    before = len(here.pairs)
    again = site("__iter__", 3)
    gates.called(again, shared)  # after its end was waited for
    assert len(here.pairs) == before


@pytest.mark.parametrize(("leads_on", "delays"), [(True, 0), (False, 1)])
def test_the_first_of_several_harmless_steps_is_not_held(room, leads_on, delays):
    header = site("append", 1)
    pair = Pair(MEET, header.key, "other", 0.001, passage=1, leads_on=leads_on)
    here, done = room(pair), threading.Event()
    here.start(done.wait)  # somebody has to be there
    gates.called(header, [])
    done.set()
    assert here.watch.budget.delays == delays


def test_delays_stop_when_the_budget_is_spent(room, monkeypatch):
    monkeypatch.setattr(pairs_module, "PATIENT_S", 0.02)
    walk, put = site("__iter__", 1), site("add", 2)
    here, shared = room(pair_of(walk, put), budget=Budget(0.01, 0.1)), {1}

    def walker() -> None:
        for _ in range(5):
            gates.called(walk, shared)

    here.start(walker).join()
    assert here.watch.budget.delays == 1


def test_an_order_is_tried_the_other_way_round(room, monkeypatch):
    monkeypatch.setattr(pairs_module, "MARGIN_S", 0.2)
    made, used = site("connection", 1), site("connection", 2)
    pair = Pair(READY, made.key, used.key, 0.01, passage=1)
    here = room(pair)
    box, came = type("Box", (), {})(), []
    begun = threading.Event()

    def connect() -> None:
        begun.set()
        gates.stored(made, 5, box)
        came.append("made")

    here.start(connect)
    begun.wait()
    while not here.watch._delaying and not came:
        os.sched_yield()
    gates.loaded(used, box)
    came.append("used")
    for thread in here._running:
        thread.join()
    assert came == ["used", "made"]
    assert pair.visits == 0, "its partner came meanwhile, so the delay was not in vain"


def test_an_order_that_was_seen_in_this_run_first_is_left_alone(room):
    made = site("connection", 1)
    here = room()
    here.pairs.near_miss(READY, made.key, "other", 0.01, 1)
    here.start(lambda: gates.stored(made, 5, type("Box", (), {})())).join()
    assert here.watch.budget.delays == 0


def test_a_finaliser_among_our_own_lines_is_let_through(room):
    put = site("append", 1)
    here = room()

    class Finalised:
        def __del__(self) -> None:
            gates.called(put, [])

    note = here.watch._note

    def collecting(*arguments: Any) -> Any:
        one = Finalised()
        one.itself = one  # type: ignore[attr-defined]
        del one
        gc.collect()
        return note(*arguments)

    here.watch._note = collecting

    def work() -> None:
        gates.called(put, [])

    thread = here.start(work)
    thread.join(30)
    assert not thread.is_alive()


def test_a_child_of_a_fork_is_not_watched(room):
    room()
    child = os.fork()
    if child == 0:
        os._exit(0 if gates.active is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert gates.active is not None


def test_two_threads_with_the_same_ident_are_two(room):
    put, walk = site("add", 1), site("__iter__", 2)
    here, shared, idents = room(), {1}, []

    def one() -> None:
        idents.append(threading.get_ident())
        gates.called_with(put, shared, 2)

    def other() -> None:
        idents.append(threading.get_ident())
        gates.called(walk, shared)

    ready = threading.Event()

    def late() -> None:
        ready.wait()
        other()

    here.start(late)
    first = threading.Thread(target=one)
    first.start()
    while first.is_alive():  # to look is no join
        os.sched_yield()
    ready.set()
    here._running[0].join()
    assert [(pair.first, pair.second) for pair in here.pairs] == [(put.key, walk.key)]
    numbers = [here.threads._number_of(thread) for thread in (first, here._running[0])]
    assert len(set(numbers)) == 2


def test_starts_joins_and_failures_of_threads_are_noted_and_nothing_stays_replaced():
    before = (threading.Thread.start, threading.Thread.join, threading.excepthook)

    def fails() -> None:
        raise ValueError("on purpose")

    with threads_noted(forward=False) as noted:
        thread = threading.Thread(target=fails, name="failing")
        thread.start()
        thread.join()
    assert [(name, str(error)) for name, error in noted.failures] == [("failing", "on purpose")]
    (child,) = noted.born
    assert noted.order(noted.me(), 0.0, child)
    assert list(noted.joined) == [(child, noted.me())]
    assert (threading.Thread.start, threading.Thread.join, threading.excepthook) == before
