"""Programs whose two threads fall out of step: circular_buffer, queue, stack."""

from __future__ import annotations

import threading

from tests.bench.sctbench.together import run


def circular_buffer(*, fixed: bool) -> None:
    """A turn that finds its flag down is wasted, and yet it is counted."""
    size, turns = 10, 7
    lock = threading.Lock()
    ring = [0] * size
    head = tail = 0
    send, receive = True, False

    def put_all() -> None:
        nonlocal tail, send, receive
        i = 0
        for _ in range(turns):
            with lock:
                done = send
                if done:
                    ring[tail] = i
                    tail = (tail + 1) % size
                    send, receive = False, True
            if done or not fixed:
                i += 1

    def take_all() -> None:
        nonlocal head, send, receive
        i = 0
        for _ in range(turns):
            with lock:
                done = receive
                if done:
                    value = ring[head]
                    head = (head + 1) % size
                    assert value == i, "another number was due"
                    send, receive = True, False
            if done or not fixed:
                i += 1

    run(put_all, take_all)


class _Queue:
    """Twenty items in twenty-one cells; the index wraps to 1 instead of 0, unless it is fixed."""

    def __init__(self, first: int) -> None:
        self.cells = [0] * 21
        self.head = 0
        self.tail = 0
        self.first = first

    def put(self, value: int) -> None:
        tail = self.tail
        self.cells[tail] = value
        self.tail = self.first if tail == 20 else tail + 1

    def take(self) -> int:
        head = self.head
        value = self.cells[head]
        self.head = self.first if head == 20 else head + 1
        return value

    def is_empty(self) -> bool:
        return self.head == self.tail


def queue(*, fixed: bool) -> None:
    """The same falling out of step with a queue, and a list of what was stored."""
    m = threading.Lock()
    cells = _Queue(0 if fixed else 1)
    stored = [0] * 20
    can_put, can_take = True, False

    def put_all() -> None:
        nonlocal can_put, can_take
        with m:
            cells.put(0)
            stored[0] = 0
            assert not cells.is_empty()
        i = 0
        for _ in range(19):
            with m:
                done = can_put
                if done:
                    cells.put(i + 1)
                    stored[i + 1] = i + 1
                    can_put, can_take = False, True
            if done or not fixed:
                i += 1

    def take_all() -> None:
        nonlocal can_put, can_take
        i = 0
        for _ in range(20):
            with m:
                done = can_take
                if done:
                    assert cells.take() == stored[i], "another item was due"
                    can_take, can_put = False, True
            if done or not fixed:
                i += 1

    run(put_all, take_all)


def stack(*, fixed: bool) -> None:
    """One pushes, the other pops once a flag is up that is never taken down."""
    size = 10
    m = threading.Lock()
    items = [0] * size
    top = 0
    flag = False

    def push_all() -> None:
        nonlocal top, flag
        for i in range(size):
            with m:
                items[top] = i
                top += 1
                flag = True

    def pop_all() -> None:
        nonlocal top, flag
        for _ in range(size):
            with m:
                if flag:
                    assert top > 0, "underflow"
                    top -= 1
                    if fixed:
                        flag = top > 0

    run(push_all, pop_all)
