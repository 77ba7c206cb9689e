"""The C queue under control, whichever way it is reached."""

from __future__ import annotations

import queue
import threading
import time
from functools import partial
from queue import Empty, SimpleQueue

import pytest

from twins import Box, Twins, assert_found, assert_ruled_out, find, together

TWINS = Twins()


@TWINS.each()
def test_the_race_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


def want_one(items, look, broken):
    items.put(1)
    got = []

    def take():
        if not broken or look(items):
            try:
                got.append(items.get_nowait())
            except Empty:
                assert not broken, "somebody else took it"

    together(take, take)
    assert got == [1]


@TWINS.add("SimpleQueue.empty", "assertion")
def empty(broken):
    want_one(queue.SimpleQueue(), lambda items: not items.empty(), broken)


@TWINS.add("SimpleQueue.qsize", "assertion")
def qsize(broken):
    want_one(queue.SimpleQueue(), lambda items: items.qsize(), broken)


@TWINS.add("from queue import SimpleQueue", "assertion")
def by_name(broken):
    want_one(SimpleQueue(), lambda items: not items.empty(), broken)


@TWINS.add("SimpleQueue.get", "deadlock")
def get(broken):
    one, other = SimpleQueue(), SimpleQueue()

    def exchange(mine, theirs):
        if not broken:
            theirs.put(1)
        mine.get()
        theirs.put(1)

    together(partial(exchange, one, other), partial(exchange, other, one))


@TWINS.add("SimpleQueue.get(timeout)", "exception")
def timed_get(broken):
    items = SimpleQueue()

    def put():
        time.sleep(5)
        items.put(1)

    together(put, partial(items.get, timeout=4 if broken else 300))


@TWINS.add("SimpleQueue.put", "assertion")
def put(broken):
    # The put is the only operation in the window of a read-modify-write.
    items, box = SimpleQueue(), Box()

    def add():
        seen = box.value
        if broken:
            items.put(seen)
        box.value = seen + 1

    together(add, add)
    assert box.value == 2


@TWINS.add("who gets what", "assertion")
def who_gets(broken):
    items, got = SimpleQueue(), []
    items.put(1)
    items.put(2)

    def take(name):
        got.append((name, items.get()))

    if broken:
        together(partial(take, "a"), partial(take, "b"))
    else:
        together(partial(take, "a"))
        together(partial(take, "b"))
    assert got == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("block", [True, False])
def test_misuse_raises_what_it_raises_without_control(block):
    errors = []

    def body():
        together(int)
        for misuse in (
            lambda: SimpleQueue().get(block, -1),
            lambda: SimpleQueue().get(False),
            lambda: SimpleQueue().get(True, 0.01),
            lambda: SimpleQueue().get_nowait(),
        ):
            try:
                misuse()
            except (Empty, ValueError) as error:
                errors.append((type(error), str(error)))

    assert find(body).failure is None
    controlled = errors[:4]
    errors.clear()
    body()
    assert controlled == errors


def test_a_deadlock_names_the_queue():
    def body():
        jobs = SimpleQueue()
        threading.Thread(target=int).start()
        jobs.get()

    finding = find(body)
    assert (finding.verdict, finding.failure.kind) == ("reproduced", "deadlock")
    assert "`jobs`" in finding.failure.waits[0]
    line = body.__code__.co_firstlineno + 3
    assert f"test_simple_queue.py:{line}" in finding.failure.waits[0]
