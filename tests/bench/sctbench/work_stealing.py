"""The work-stealing queue of Cilk: its owner uses one end without a lock, thieves the other."""

from __future__ import annotations

import threading

from tests.bench.sctbench.together import start


class _Queue:
    """A ring of ``mask + 1`` items from ``head`` to ``tail``; the thieves are at the head."""

    def __init__(self) -> None:
        self.items: list[int | None] = [None, None]
        self.mask = 1
        self.head = 0
        self.tail = 0


def _push(queue: _Queue, lock: threading.Lock, item: int, fixed: bool) -> None:
    """One too many fits: a thief that has only announced itself counts as gone."""
    tail = queue.tail
    room = queue.mask if fixed else queue.mask + 1
    if tail < queue.head + room:
        queue.items[tail & queue.mask] = item
        queue.tail = tail + 1
        return
    with lock:
        head, tail = queue.head, queue.tail
        if tail - head >= queue.mask:
            _grow(queue, head, tail)
            tail = queue.tail
        queue.items[tail & queue.mask] = item
        queue.tail = tail + 1


def _grow(queue: _Queue, head: int, tail: int) -> None:
    mask = queue.mask
    kept = [queue.items[at & mask] for at in range(head, tail)]
    queue.items = kept + [None] * (2 * (mask + 1) - len(kept))
    queue.mask = 2 * (mask + 1) - 1
    queue.head = 0
    queue.tail = len(kept)


def _pop(queue: _Queue, lock: threading.Lock) -> int | None:
    tail = queue.tail - 1
    queue.tail = tail
    if queue.head <= tail:
        return queue.items[tail & queue.mask]
    queue.tail = tail + 1
    with lock:
        tail = queue.tail - 1
        queue.tail = tail
        if queue.head <= tail:
            return queue.items[tail & queue.mask]
        queue.tail = tail + 1
        return None


def _steal(queue: _Queue, lock: threading.Lock) -> int | None:
    with lock:
        head = queue.head
        queue.head = head + 1
        if head < queue.tail:
            return queue.items[head & queue.mask]
        queue.head = head
        return None


def work_stealing(thieves: int, *, fixed: bool) -> None:
    """The owner pushes two and pops one, twice, and then pops the rest; thieves try twice."""
    queue, lock = _Queue(), threading.Lock()
    handled = [0] * 4

    def handle(item: int | None) -> None:
        if item is not None:
            handled[item] += 1

    def thief() -> None:
        for _ in range(2):
            handle(_steal(queue, lock))

    started = start(*[thief] * thieves)
    for first in (0, 2):
        _push(queue, lock, first, fixed)
        _push(queue, lock, first + 1, fixed)
        handle(_pop(queue, lock))
    for _ in range(2):
        handle(_pop(queue, lock))
    for thread in started:
        thread.join()
    assert handled == [1, 1, 1, 1], "an item was lost, or handled twice"


class _Slots:
    """The same without a lock: both ends claim by comparing and exchanging the head."""

    def __init__(self) -> None:
        self.items = [-1, -1]
        self.head = 0
        self.tail = 0
        self.version = 0


def interlocked(thieves: int, *, fixed: bool) -> None:
    """Lock-free stealing whose head goes back to 0: a late thief sees its old head again (ABA)."""
    slots, atomic = _Slots(), threading.Lock()
    handled = [0] * 4

    def claim(head: int, version: int, new_head: int) -> bool:
        """Compare and exchange: one step for everybody who looks at the head."""
        with atomic:
            if slots.head != head or (fixed and slots.version != version):
                return False
            slots.head = new_head
            return True

    def reset() -> None:
        with atomic:
            slots.tail = 0
            slots.head = 0
            slots.version += 1

    def take() -> None:
        version = slots.version
        head = slots.head
        if head < slots.tail:
            item = slots.items[head]
            if claim(head, version, head + 1):
                handled[item] += 1

    started = start(*[take] * thieves)
    for first in (0, 2):
        slots.items[0], slots.items[1] = first, first + 1
        slots.tail = 2
        while slots.head < 2:
            take()
        reset()
    for thread in started:
        thread.join()
    assert handled == [1, 1, 1, 1], "an item was lost, or handled twice"
