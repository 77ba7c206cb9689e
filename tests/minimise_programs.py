"""Programs whose fewest preemptions are known, for what simplifies and explains failures."""

from __future__ import annotations

import threading
from functools import partial

from twins import Box, together


def lost_update():
    """Two threads add one in two steps."""
    box = Box(0)

    def add():
        box.value += 1

    together(add, add)
    assert box.value == 2


def crosswise_deadlock():
    """Two locks in opposite orders."""
    one, other = threading.Lock(), threading.Lock()

    def take(first, second):
        with first, second:
            pass

    together(partial(take, one, other), partial(take, other, one))


def dining(guests=4):
    """Everybody takes the left fork first."""
    forks = [threading.Lock() for _ in range(guests)]

    def dine(at):
        with forks[at], forks[(at + 1) % guests]:
            pass

    together(*(partial(dine, at) for at in range(guests)))


def torn(writers=2):
    """A reader between two writes sees half of them."""
    pair = Box(0)
    pair.other = 0

    def write():
        pair.value = 1
        pair.other = -1

    def read():
        seen = pair.value
        assert seen == -pair.other

    together(*[write] * writers, read)


def late_check():
    """Nobody need be interrupted: the check only has to come last."""
    box, lock = Box(0), threading.Lock()

    def add(amount):
        with lock:
            box.value += amount

    def check():
        with lock:
            assert box.value < 3

    together(partial(add, 1), partial(add, 2), check)


def condition_if():
    """Woken is not the same as served: the wait is behind an ``if``."""
    items, changed = [], threading.Condition()

    def take():
        with changed:
            if not items:
                changed.wait()
            items.pop()

    def put():
        for item in range(2):
            with changed:
                items.append(item)
                changed.notify_all()

    together(take, put, take, take)


def check_then_take():
    """One item, two threads that look before they take."""
    items = {"key": 1}

    def take():
        if "key" in items:
            items.pop("key")

    together(take, take)


#: program -> the fewest preemptions of a schedule that fails
FEWEST = {
    lost_update: 1,
    crosswise_deadlock: 1,
    dining: 1,
    torn: 1,
    late_check: 0,
    check_then_take: 1,
}
