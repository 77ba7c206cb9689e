"""Loops of nothing but scheduling points, with a second thread that could move all the time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Shared:
    """What the loops touch."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()
        self.rounds = 0


def nothing(_: Shared) -> None:
    """The second thread, when it is there only to be chosen."""


def accesses(shared: Shared) -> None:
    """Ten scheduling points a round at access level: five reads and five writes."""
    for _ in range(shared.rounds):
        shared.value += 1
        shared.value += 1
        shared.value += 1
        shared.value += 1
        shared.value += 1


def locks(shared: Shared) -> None:
    """Ten scheduling points a round at sync level: a free lock is taken and given five times."""
    lock = shared.lock
    for _ in range(shared.rounds):
        with lock:
            pass
        with lock:
            pass
        with lock:
            pass
        with lock:
            pass
        with lock:
            pass


def own_locks(shared: Shared) -> None:
    """The same on a lock of one's own, so that another thread never waits for it."""
    own = Shared()
    own.rounds = shared.rounds
    locks(own)


def beside(loop: Callable[[Any], None], other: Callable[[Any], None], rounds: int) -> None:
    """``loop`` in this thread while a second one, which runs ``other``, could move."""
    shared = Shared()
    shared.rounds = rounds
    second = threading.Thread(target=other, args=(shared,))
    second.start()
    loop(shared)
    second.join()
