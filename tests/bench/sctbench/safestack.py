"""SafeStack: a lock-free list of free cells in which a head may come back (ABA)."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from functools import partial

from tests.bench.sctbench.together import run


class _Number:
    def __init__(self, value: int) -> None:
        self.value = value


#: A number, and the lock that makes one step of what Python has no atomic operation for.
_Atomic = tuple[_Number, threading.Lock]


def _atomic(value: int) -> _Atomic:
    return _Number(value), threading.Lock()


def _load(atomic: _Atomic) -> int:
    number, _ = atomic
    return number.value


def _store(atomic: _Atomic, value: int) -> None:
    number, lock = atomic
    with lock:  # must not come between the two halves of an exchange
        number.value = value


def _exchange(atomic: _Atomic, value: int) -> int:
    number, lock = atomic
    with lock:
        old = number.value
        number.value = value
        return old


def _compare_exchange(atomic: _Atomic, expected: int, value: int) -> int:
    """What was there; ``value`` takes its place if that was ``expected``."""
    number, lock = atomic
    with lock:
        old = number.value
        if old == expected:
            number.value = value
        return old


def _add(atomic: _Atomic, more: int) -> None:
    number, lock = atomic
    with lock:
        number.value += more


def safestack(*, fixed: bool) -> None:
    """Three threads take one of three cells twice each, use it alone, and put it back."""
    head, count = _atomic(0), _atomic(3)
    following = (_atomic(1), _atomic(2), _atomic(-1))
    whole = threading.Lock() if fixed else nullcontext()
    user = [-1, -1, -1]

    def pop() -> int:
        while _load(count) > 1:
            first = _load(head)
            second = _exchange(following[first], -1)
            if second >= 0:
                if _compare_exchange(head, first, second) == first:
                    _add(count, -1)
                    return first
                _exchange(following[first], second)
        return -1

    def push(cell: int) -> None:
        seen, first = _load(head), None
        while seen != first:
            first = seen
            _store(following[cell], first)
            seen = _compare_exchange(head, first, cell)
        _add(count, 1)

    def work(me: int) -> None:
        for _ in range(2):
            cell = -1
            while cell < 0:
                with whole:
                    cell = pop()
                if cell < 0:
                    time.sleep(0)
            user[cell] = me
            assert user[cell] == me, "somebody else uses the cell as well"
            with whole:
                push(cell)

    run(*(partial(work, me) for me in range(3)))
