"""Objects that exist before any search begins: in a module, a class, a closure and a default."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from threading import Condition, Event, Lock, RLock, Semaphore

LOCKS = (Lock(), Lock())
RLOCKS = (RLock(), RLock())
CONDITION = Condition()
CONDITION_OF_LOCK = threading.Condition(threading.Lock())
EVENT = Event()
SEMAPHORE = Semaphore(1)
BOUNDED = threading.BoundedSemaphore(2)
BARRIER = threading.Barrier(2)
QUEUE = queue.Queue(maxsize=1)
LIFO = queue.LifoQueue()
PRIORITY = queue.PriorityQueue()
SIMPLE = queue.SimpleQueue()


class Account:
    """Has its lock in the class."""

    lock = threading.Lock()
    balance = 0

    def deposit(self, amount: int, broken: bool) -> None:
        """Read under the lock, and write under it: once, or in two steps when broken."""
        with self.lock:
            seen = self.balance
            if not broken:
                self.balance = seen + amount
        if broken:
            with self.lock:
                self.balance = seen + amount


class OwnCondition(threading.Condition):
    """A subclass, as some libraries have one."""


OWN_CONDITION = OwnCondition()


def _guarded() -> Callable[[Callable[[], object]], object]:
    lock = threading.Lock()

    def run(function: Callable[[], object]) -> object:
        with lock:
            return function()

    return run


in_closure = _guarded()


def by_default(function: Callable[[], object], lock: threading.Lock = threading.Lock()) -> object:  # noqa: B008
    """Run ``function`` under a lock that only the signature knows."""
    with lock:
        return function()


def pause(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Sleep with what the signature has kept."""
    sleep(seconds)
