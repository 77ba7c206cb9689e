"""Happens-before race detection: a race is seen although the execution passes, an order is none."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from pytest_racecheck import explore
from twins import Box, together

total = 0


def races_of(body, executions=5, **plan):
    """The variables and places of the races in a few executions, all of which pass."""
    plan = {"strategy": "random", "seed": 3, "replays": 1, **plan}
    finding = explore(body, executions=executions, races="report", **plan)
    assert finding.failure is None, finding.report()
    return finding.races


# ------------------------------------------------------------------------------------ with a race


def counter(lock=None):
    box = Box(0)

    def add():
        with lock or threading.Lock():  # without one they share, each has its own
            box.value += 1

    together(add, add)


def lazy_initialisation(lock=None):
    shared = {}

    def get():
        with lock or threading.Lock():
            if "it" not in shared:
                shared["it"] = object()

    together(get, get)


def one_item():
    shared = {"a": 0}
    together(partial(shared.__class__, a=1), *[partial(put, shared, "a")] * 2)


def put(shared, key):
    shared[key] = 1


def last_item():
    shared = [0]
    together(partial(put, shared, 0), partial(put, shared, -1))


def module_name():
    def add():
        global total
        total += 1

    together(add, add)


def closure():
    seen = 0

    def see():
        nonlocal seen
        seen = 1

    together(see, see)


def whole_against_item():
    shared = [0]

    def grow():
        shared.append(1)

    together(partial(put, shared, 0), grow)


def flag():
    """A bare flag is benign under the global lock, and nothing orders it all the same."""
    box = Box(False)

    def stop():
        box.value = True

    def look():
        return box.value

    together(stop, look)


def wrong_lock():
    box = Box(0)

    def write(lock):
        with lock:
            box.value = 1

    together(partial(write, threading.Lock()), partial(write, threading.RLock()))


def after_a_failed_try():
    """To have tried in vain for a lock gives no order."""
    box, lock = Box(0), threading.Lock()

    def write():
        got = lock.acquire(blocking=False)
        box.value = 1
        if got:
            lock.release()

    together(write, write)


RACY = {
    counter: "Box.value",
    lazy_initialisation: "shared",
    one_item: "shared['a']",
    last_item: "shared",
    module_name: "total",
    closure: "seen",
    whole_against_item: "shared",
    flag: "Box.value",
    wrong_lock: "Box.value",
    after_a_failed_try: "Box.value",
}


@pytest.mark.parametrize("body", RACY)
def test_a_race_is_seen_in_executions_that_pass(body):
    found = races_of(body, executions=20)
    assert found
    assert any(RACY[body] in race.variable for race in found), found
    assert not any(race.whole for race in found)


# --------------------------------------------------------------------------------- without a race


def locked_counter():
    counter(threading.Lock())


def locked_initialisation():
    lazy_initialisation(threading.RLock())


def in_a_condition():
    box, changed = Box(None), threading.Condition()

    def make():
        box.value = [1]
        with changed:
            box.ready = True
            changed.notify()

    def use():
        with changed:
            changed.wait_for(lambda: hasattr(box, "ready") and box.ready)
        assert box.value == [1]

    together(make, use)


def through_a_queue(kind=queue.Queue):
    jobs = kind()

    def make():
        box = Box(0)
        box.value = 1
        jobs.put(box)

    def use():
        jobs.get().value += 1

    together(make, use)


def published_by_an_event():
    box, ready = Box(0), threading.Event()

    def make():
        box.value = 1
        ready.set()

    def use():
        ready.wait()
        box.value += 1

    together(make, use)


def seen_to_be_set():
    box, ready = Box(0), threading.Event()

    def make():
        box.value = 1
        ready.set()

    def use():
        if ready.is_set():
            box.value += 1

    together(make, use)


def started_and_joined():
    box = Box(0)

    def add():
        box.value += 1

    box.value = 5
    for _ in range(2):
        together(add)
    box.value += 1


def seen_to_have_ended():
    box = Box(0)

    def add():
        box.value += 1

    thread = threading.Thread(target=add)
    thread.start()
    if not thread.is_alive():
        box.value += 1
    thread.join()


def result_of_an_executor():
    box = Box(0)

    def add():
        box.value += 1
        return box

    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(add).result().value == 1
        pool.submit(add).result().value += 1


def on_both_sides_of_a_barrier():
    boxes, barrier = [Box(0), Box(0)], threading.Barrier(2)

    def work(mine, other):
        boxes[mine].value = 1
        barrier.wait()
        assert boxes[other].value == 1

    together(partial(work, 0, 1), partial(work, 1, 0))


def let_in_by_a_semaphore():
    box, one = Box(0), threading.Semaphore(1)

    def add():
        with one:
            box.value += 1

    together(add, add)


def other_keys():
    shared = {}
    together(*(partial(put, shared, key) for key in ("a", 1, (1, "a"), frozenset([2]))))


def other_cells():
    shared = [0, 0]
    together(partial(put, shared, 0), partial(put, shared, -1))


def readers():
    box = Box(1)

    def read():
        return box.value

    together(read, read, read)


def own_data():
    """Each has its own, one after the other at the same address."""

    def work():
        for n in range(3):
            mine, box = {"a": n}, Box(n)
            mine["a"] += 1
            box.value += 1

    together(work, work)


def thread_locals():
    mine = threading.local()

    def work():
        mine.value = 0
        mine.value += 1

    together(work, work)


def handed_over():
    """A lock that another task releases is a signal."""
    box, baton = Box(0), threading.Lock()
    baton.acquire()

    def make():
        box.value = 1
        baton.release()

    def use():
        baton.acquire()
        box.value += 1

    together(make, use)


ORDERED = (
    *(locked_counter, locked_initialisation, in_a_condition, through_a_queue),
    *(published_by_an_event, seen_to_be_set, started_and_joined, seen_to_have_ended),
    *(result_of_an_executor, on_both_sides_of_a_barrier, let_in_by_a_semaphore, other_keys),
    *(other_cells, readers, own_data, thread_locals, handed_over),
    partial(through_a_queue, queue.SimpleQueue),
)


@pytest.mark.parametrize("body", ORDERED)
def test_what_is_ordered_is_no_race(body):
    assert races_of(body, executions=20) == ()


def test_a_message_orders_what_was_done_before_it_was_sent():
    zmq = pytest.importorskip("zmq")

    def body(read_before):
        box = Box(0)
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("inproc://races")

            def make():
                with context.socket(zmq.PUSH) as push:
                    push.connect("inproc://races")
                    box.value = 1
                    push.send(b"")

            thread = threading.Thread(target=make)
            thread.start()
            if read_before:
                assert box.value in (0, 1)
            pull.recv()
            assert box.value == 1
            thread.join()

    assert races_of(partial(body, False)) == ()
    assert len(races_of(partial(body, True), executions=20)) == 1


# ------------------------------------------------------------------------------- what is told of it


def test_both_sides_are_told_with_their_stacks():
    box = Box(0)

    def inner():
        box.value += 1

    def outer():
        inner()

    def body():
        threads = [threading.Thread(target=outer, name=name) for name in ("anna", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    [race] = races_of(body, executions=20)  # three pairs of accesses, on one line
    first = inner.__code__.co_firstlineno
    assert race.variable == "Box.value"
    assert {race.first.name, race.second.name} == {"anna", "ben"}
    assert "writes" in (race.first.verb, race.second.verb)
    for side in (race.first, race.second):
        assert side.where == f"test_data_races.py:{first + 1}"
        assert [call.partition(" in ")[0] for call in side.stack] == [
            f"test_data_races.py:{first + 1}",
            f"test_data_races.py:{first + 4}",
        ]


def test_calls_of_a_container_are_marked_and_come_last():
    def body():
        done, box = deque(), Box(0)

        def work():
            done.append(1)
            box.value = 1

        together(work, work)

    races = races_of(body)
    assert [race.whole for race in races] == [False, True]
    assert races[1].variable == "done"
    assert "one call of a built-in container" in races[1].sentence


def test_the_same_search_finds_the_same_races_in_the_same_order():
    one, other = (races_of(lazy_initialisation, executions=30) for _ in range(2))
    assert one == other


def test_data_is_watched_where_it_is_no_scheduling_point():
    assert races_of(counter, points="sync", strategy="exhaustive", executions=50)
    assert races_of(locked_counter, points="sync", strategy="exhaustive", executions=50) == ()


def test_nothing_is_looked_for_unless_it_is_asked_for():
    assert explore(counter, strategy="random", executions=5).races == ()
