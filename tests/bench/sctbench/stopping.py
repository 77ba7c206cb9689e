"""Programs in which something is used while it is being stopped: bluetooth_driver, aget, pbzip2."""

from __future__ import annotations

import threading

from tests.bench.sctbench.together import run, start


def bluetooth_driver(*, fixed: bool) -> None:
    """The worker looks whether the driver stops, and only then says that it is at work."""
    atomic = threading.Lock()
    pending = 1
    stopping = stop_event = stopped = False

    def increment() -> None:
        nonlocal pending
        with atomic:
            pending += 1

    def decrement() -> None:
        nonlocal pending, stop_event
        with atomic:
            pending -= 1
            left = pending
        if left == 0:
            stop_event = True

    def stop() -> None:
        nonlocal stopping, stopped
        stopping = True
        decrement()
        if stop_event:
            stopped = True

    def work() -> None:
        if fixed:
            increment()
        if not stopping:
            if not fixed:
                increment()
            assert not stopped, "at work in a driver that has been stopped"
        decrement()

    threads = start(stop)
    work()
    threads[0].join()


def aget(*, fixed: bool) -> None:
    """A download in two parts; saving the log on a signal tears it."""
    lock = threading.Lock()
    offsets = [0, 0]
    written = 0
    saved: tuple[int, int, int] | None = None

    def download(part: int) -> None:
        nonlocal written
        for _ in range(2):
            if fixed:
                lock.acquire()
            offsets[part] += 1
            if not fixed:
                lock.acquire()
            written += 1
            lock.release()

    def save() -> None:
        nonlocal saved
        with lock:
            saved = (offsets[0], offsets[1], written)

    run(lambda: download(0), lambda: download(1), save)
    assert saved is not None
    assert saved[0] + saved[1] == saved[2], "the log that was saved is torn"


class _Fifo:
    """The queue of pbzip2: blocks, and a condition with its lock that somebody has to free."""

    def __init__(self) -> None:
        self.changed: threading.Condition | None = threading.Condition(threading.Lock())
        self.blocks: list[int] = []
        self.finished = False


def pbzip2(*, fixed: bool) -> None:
    """The lock of the queue is freed when the last block is in it, not when the last one is out."""
    fifo = _Fifo()

    def produce() -> None:
        for block in range(2):
            with fifo.changed:
                fifo.blocks.append(block)
                fifo.changed.notify()
        with fifo.changed:
            fifo.finished = True
            fifo.changed.notify_all()

    def consume() -> None:
        while True:
            with fifo.changed:
                while not fifo.blocks and not fifo.finished:
                    fifo.changed.wait()
                if not fifo.blocks:
                    return
                fifo.blocks.pop(0)

    producer, one, other = start(produce, consume, consume)
    producer.join()
    if fixed:
        one.join()
        other.join()
    fifo.changed = None
