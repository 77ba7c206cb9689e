"""Programs that fail in every schedule, or nearly: they try detection, not search."""

from __future__ import annotations

import threading
from functools import partial

from tests.bench.sctbench.together import run


def arithmetic_prog(*, fixed: bool) -> None:
    """A producer and a consumer add up 0..N; the assertion denies the right sum."""
    n = 3
    m = threading.Lock()
    empty, full = threading.Condition(m), threading.Condition(m)
    num = total = 0

    def produce() -> None:
        nonlocal num
        for _ in range(n):
            with m:
                while num > 0:
                    empty.wait()
                num += 1
            with full:
                full.notify()

    def consume() -> None:
        nonlocal num, total
        for i in range(n):
            with m:
                while num == 0:
                    full.wait()
                num -= 1
                total += i
            with empty:
                empty.notify()
        total += n

    run(produce, consume)
    if fixed:
        assert total == n * (n + 1) // 2
    else:
        assert total != n * (n + 1) // 2, "the sum is right, which was denied"


def din_phil(n: int, *, fixed: bool) -> None:
    """SCTBench's philosophers: they eat under one lock, and count without it."""
    table = threading.Lock()
    forks = tuple([threading.Lock() for _ in range(n)])
    count = 0

    def dine(at: int) -> None:
        nonlocal count
        with table:
            with forks[at], forks[(at + 1) % n]:
                pass
            if fixed:
                count += 1
                assert count <= n
        if not fixed:
            count += 1
            assert count != n, "everybody has eaten"

    run(*(partial(dine, at) for at in range(n)))


def fsbench(*, fixed: bool) -> None:
    """Threads allocate a block to an inode each; there is one thread more than inodes."""
    inodes = blocks = 26
    threads = inodes if fixed else inodes + 1
    inode_locks = tuple([threading.Lock() for _ in range(inodes)])
    block_locks = tuple([threading.Lock() for _ in range(blocks)])
    block_of = [-1] * inodes
    busy = [False] * blocks

    def allocate(inode: int) -> None:
        with inode_locks[inode]:
            block = inode * 2 % blocks
            while block_of[inode] == -1:
                with block_locks[block]:
                    if not busy[block]:
                        busy[block] = True
                        block_of[inode] = block
                block = (block + 1) % blocks

    run(*(partial(allocate, inode) for inode in range(threads)))


def phase01(*, fixed: bool) -> None:
    """Two equal threads take x and y in two phases; the second x is never given back."""
    x, y = threading.Lock(), threading.Lock()

    def phases() -> None:
        x.acquire()
        x.release()
        x.acquire()
        if fixed:
            x.release()
        y.acquire()
        y.release()
        y.acquire()
        y.release()

    run(phases, phases)


def sync01(*, fixed: bool) -> None:
    """One waits for the other to take what is there, which the other does not do."""
    m = threading.Lock()
    empty, full = threading.Condition(m), threading.Condition(m)
    num = 1

    def fill() -> None:
        nonlocal num
        with m:
            while num > 0:
                empty.wait()
            num += 1
        with full:
            full.notify()

    def take() -> None:
        nonlocal num
        with m:
            while num == 0:
                full.wait()
            if fixed:
                num -= 1
        with empty:
            empty.notify()

    run(fill, take)


def sync02(*, fixed: bool) -> None:
    """The same in two rounds, with one item too many at the start."""
    m = threading.Lock()
    empty, full = threading.Condition(m), threading.Condition(m)
    num = 0 if fixed else 2

    def fill() -> None:
        nonlocal num
        for _ in range(2):
            with m:
                while num > 0:
                    empty.wait()
                num += 1
            with full:
                full.notify()

    def take() -> None:
        nonlocal num
        for _ in range(2):
            with m:
                while num == 0:
                    full.wait()
                num -= 1
            with empty:
                empty.notify()

    run(fill, take)
