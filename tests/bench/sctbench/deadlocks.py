"""Programs whose threads wait for each other's locks: deadlock01, carter01, the philosophers."""

from __future__ import annotations

import threading
from functools import partial

from tests.bench.sctbench.together import run


def deadlock01(*, fixed: bool) -> None:
    """Two threads take two locks in opposite orders."""
    a, b = threading.Lock(), threading.Lock()
    counter = 0

    def add() -> None:
        nonlocal counter
        with a:
            with b:
                counter += 1

    def subtract() -> None:
        nonlocal counter
        outer, inner = (a, b) if fixed else (b, a)
        with outer:
            with inner:
                counter -= 1

    run(add, subtract)


def carter01(*, fixed: bool) -> None:
    """Two classes of threads; the first one in of a class locks the other class out."""
    m, room = threading.Lock(), threading.Lock()
    # The fix: whoever waits for the room does not keep the door shut meanwhile.
    doors = (threading.Lock(), threading.Lock()) if fixed else (m, m)
    a = b = 0

    def enter_a() -> None:
        nonlocal a
        with doors[0]:
            a += 1
            if a == 1:
                room.acquire()
        with doors[0]:
            a -= 1
            if a == 0:
                room.release()

    def enter_b() -> None:
        nonlocal b
        with doors[1]:
            b += 1
            if b == 1:
                room.acquire()
        with doors[1]:
            b -= 1
            if b == 0:
                room.release()

    def nothing() -> None:
        pass

    run(enter_a, enter_b, nothing, nothing)


def dining(n: int, *, fixed: bool) -> None:
    """The classical philosophers: each takes the fork to the left, then the one to the right."""
    forks = tuple([threading.Lock() for _ in range(n)])

    def dine(at: int) -> None:
        left, right = at, (at + 1) % n
        if fixed and right < left:
            left, right = right, left
        with forks[left]:
            with forks[right]:
                pass

    run(*(partial(dine, at) for at in range(n)))
