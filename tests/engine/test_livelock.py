"""A program that goes on for ever without getting anywhere is told from one that is only long."""

from __future__ import annotations

import itertools
import queue
import random
import threading
import time
from collections import deque
from functools import partial

import pytest

from pytest_racecheck import explore, replay
from twins import find, together

SMALL = {"max_steps": 400, "seconds": 60.0}


# ----------------------------------------------------------------------------- getting nowhere


def polite():
    """Each takes its own lock, sees that the other's is taken, and gives its own back."""
    one, other = threading.Lock(), threading.Lock()

    def pass_through(mine, theirs):
        while True:
            with mine:
                if theirs.acquire(False):
                    theirs.release()
                    return

    together(partial(pass_through, one, other), partial(pass_through, other, one))


def event_nobody_sets():
    never = threading.Event()

    def spin():
        while not never.is_set():
            pass

    together(spin, int)


def flag_nobody_sets():
    class Box:
        ready = False

    def spin():
        while not Box.ready:
            pass

    together(spin, int)


def lock_nobody_gives_back():
    lock = threading.Lock()
    lock.acquire()

    def spin():
        while not lock.acquire(False):
            time.sleep(0)

    together(spin, int)


def queue_nobody_fills():
    items = queue.Queue()

    def poll():
        while True:
            try:
                return items.get(timeout=1)
            except queue.Empty:
                continue

    together(poll, int)


def thread_that_never_ends():
    stop = threading.Event()
    worker = threading.Thread(target=stop.wait)
    worker.start()
    while worker.is_alive():
        worker.join(timeout=1)


NOWHERE = [
    (polite, "sync", "exhaustive"),
    (event_nobody_sets, "sync", "random"),
    (event_nobody_sets, "access", "portfolio"),
    (flag_nobody_sets, "access", "random"),
    (lock_nobody_gives_back, "sync", "pct"),
    (queue_nobody_fills, "sync", "random"),
    (thread_that_never_ends, "sync", "exhaustive"),
]


@pytest.mark.parametrize(("body", "points", "strategy"), NOWHERE)
def test_a_state_that_comes_back_is_a_livelock(body, points, strategy):
    finding = explore(body, points=points, strategy=strategy, executions=3000, **SMALL)
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.kind == "livelock"
    assert finding.replays == (3, 3)
    assert "the same state came back after" in finding.failure.message
    assert "test_livelock.py:" in finding.failure.where
    again = replay(body, finding.schedule, points=points, **SMALL)
    assert (again.verdict, again.failure.where) == ("reproduced", finding.failure.where)


def test_who_goes_round_is_told():
    finding = find(event_nobody_sets, **SMALL)
    assert finding.verdict == "reproduced", finding.report()
    failure = finding.failure
    assert any("(Thread-1 (spin))" in waits and "`never`" in waits for waits in failure.waits)


# ------------------------------------------------------------------------------- only long


class Thing:
    """Looks like every other thing."""


def over_things(lock, count):
    for _ in [Thing() for _ in range(count)]:
        with lock:
            pass


def over_numbers(lock, count):
    for _ in range(count):
        with lock:
            pass


def until_empty(lock, count):
    things = deque([Thing()] * count)
    while things:
        with lock:
            things.popleft()


def hidden_counter(lock, count):
    numbers = itertools.count()
    while next(numbers) < count:
        with lock:
            pass


def attribute_counter(lock, count):
    thing = Thing()
    thing.done = 0
    while thing.done < count:
        with lock:
            thing.done += 1


def nested_counter(lock, count):
    state = {"inner": {"done": [0]}}
    while state["inner"]["done"][0] < count:
        with lock:
            state["inner"]["done"][0] += 1


TOTAL = 0


def global_counter(lock, count):
    global TOTAL
    TOTAL = 0
    while count > TOTAL:
        with lock:
            TOTAL += 1


def until_a_deadline(lock, count):
    end = time.monotonic() + count
    while time.monotonic() < end:
        with lock:
            time.sleep(1)


def with_random_pauses(lock, count):
    draw = random.Random(0)
    left = count
    while left > 0:
        with lock:
            time.sleep(draw.random())
        left -= 1


def generated(lock, count):
    def numbers():
        yield from range(count)

    for _ in numbers():
        with lock:
            pass


def through_a_queue(lock, count):
    items = queue.SimpleQueue()
    for _ in range(count):
        items.put(None)
    while not items.empty():
        with lock:
            items.get()


LONG = [
    over_things,
    over_numbers,
    until_empty,
    hidden_counter,
    attribute_counter,
    nested_counter,
    global_counter,
    until_a_deadline,
    with_random_pauses,
    generated,
    through_a_queue,
]


@pytest.mark.parametrize("work", LONG)
@pytest.mark.parametrize("points", ["access", pytest.param("sync", marks=pytest.mark.slow)])
def test_a_long_loop_did_not_end_and_is_no_livelock(work, points):
    def body():
        lock = threading.Lock()
        together(partial(work, lock, 2000), partial(work, lock, 2000))

    finding = explore(body, points=points, strategy="exhaustive", executions=1, **SMALL)
    assert finding.failure is None, finding.report()
    assert finding.verdict == "inconclusive"
    assert "did not end: the limit of 400 operations was reached" in finding.reason
    assert "max_steps" in finding.reason


@pytest.mark.parametrize("work", LONG)
def test_the_same_loop_ends_when_it_is_given_the_steps(work):
    def body():
        lock = threading.Lock()
        together(partial(work, lock, 30), partial(work, lock, 30))

    finding = find(body, executions=1, strategy="random")
    assert "did not end" not in finding.reason
    assert finding.failure is None
