"""The programs that every tool is timed on: plain threads, judged by what comes out of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Program:
    """One program, twice the same: as a body that starts its threads, and as the parts of it.

    ``body()`` returns whether the result is right.  Tools that start the threads themselves take
    ``setup()``, one call of each of ``workers`` with what it returned, and ``holds`` of the same.
    ``endings`` are the outcomes that schedules of the program have, and no others; ``defect`` is
    the one that a tool has to meet which switches at ``points`` ("access" or "sync") or finer.
    """

    name: str
    title: str
    body: Callable[[], bool]
    setup: Callable[[], Any]
    workers: tuple[Callable[[Any], object], ...]
    holds: Callable[[Any], bool]
    endings: frozenset[str] = frozenset({"right"})
    defect: str = ""
    points: str = "sync"


class Counter:
    """A counter without a lock."""

    def __init__(self) -> None:
        self.value = 0

    def add_one(self) -> None:
        self.value += 1

    def add_five(self) -> None:
        for _ in range(5):
            self.value += 1


def counter_2x1() -> bool:
    """Two threads add one each."""
    counter = Counter()
    one = threading.Thread(target=counter.add_one)
    two = threading.Thread(target=counter.add_one)
    one.start()
    two.start()
    one.join()
    two.join()
    return counter.value == 2


def counter_3x5() -> bool:
    """Three threads add five each."""
    counter = Counter()
    threads = [threading.Thread(target=counter.add_five) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counter.value == 15


class Accounts:
    """Two accounts, a lock each; a transfer takes the lock of the giving one first."""

    def __init__(self) -> None:
        self.a = threading.Lock()
        self.b = threading.Lock()
        self.in_a = 10
        self.in_b = 10

    def forth(self) -> None:
        with self.a:
            with self.b:
                self.in_a -= 1
                self.in_b += 1

    def back(self) -> None:
        with self.b:
            with self.a:
                self.in_b -= 1
                self.in_a += 1

    def balanced(self) -> bool:
        return (self.in_a, self.in_b) == (10, 10)


def deadlock() -> bool:
    """Two threads take two locks in opposite orders."""
    accounts = Accounts()
    forth = threading.Thread(target=accounts.forth)
    back = threading.Thread(target=accounts.back)
    forth.start()
    back.start()
    forth.join()
    back.join()
    return accounts.balanced()


class Pipe:
    """A queue that holds one item, and what came out of it."""

    def __init__(self) -> None:
        self.queue: queue.Queue[int] = queue.Queue(maxsize=1)
        self.received: list[int] = []

    def produce(self) -> None:
        for item in range(3):
            self.queue.put(item)

    def consume(self) -> None:
        for _ in range(3):
            self.received.append(self.queue.get())

    def complete(self) -> bool:
        return self.received == [0, 1, 2]


def bounded_queue() -> bool:
    """One thread puts three items through a queue of capacity one, another takes them out."""
    pipe = Pipe()
    producer = threading.Thread(target=pipe.produce)
    consumer = threading.Thread(target=pipe.consume)
    producer.start()
    consumer.start()
    producer.join()
    consumer.join()
    return pipe.complete()


class HandOff:
    """Somebody waits for at most 300 s; the other one comes after 299 s."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.ready = False
        self.taken = False

    def wait(self) -> None:
        with self.condition:
            woken = self.condition.wait_for(self.is_ready, timeout=300)
            assert woken, "nobody came within 300 s"
            self.taken = True

    def is_ready(self) -> bool:
        return self.ready

    def notify(self) -> None:
        time.sleep(299)
        with self.condition:
            self.ready = True
            self.condition.notify()

    def done(self) -> bool:
        return self.taken


def hand_off() -> bool:
    """A condition with a time-out of 300 s is notified after 299 s."""
    state = HandOff()
    waiter = threading.Thread(target=state.wait)
    notifier = threading.Thread(target=state.notify)
    waiter.start()
    notifier.start()
    waiter.join()
    notifier.join()
    return state.done()


def _adds_up_to(total: int) -> Callable[[Counter], bool]:
    return lambda counter: counter.value == total


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "counter_2x1",
            "counter 2×1",
            counter_2x1,
            Counter,
            (Counter.add_one, Counter.add_one),
            _adds_up_to(2),
            frozenset({"right", "wrong"}),
            "wrong",
            "access",
        ),
        Program(
            "counter_3x5",
            "counter 3×5",
            counter_3x5,
            Counter,
            (Counter.add_five, Counter.add_five, Counter.add_five),
            _adds_up_to(15),
            frozenset({"right", "wrong"}),
            "wrong",
            "access",
        ),
        Program(
            "deadlock",
            "AB-BA deadlock",
            deadlock,
            Accounts,
            (Accounts.forth, Accounts.back),
            Accounts.balanced,
            frozenset({"right", "deadlock"}),
            "deadlock",
        ),
        Program(
            "bounded_queue",
            "bounded queue, 3 items",
            bounded_queue,
            Pipe,
            (Pipe.produce, Pipe.consume),
            Pipe.complete,
        ),
        Program(
            "hand_off",
            "hand-off within 300 s",
            hand_off,
            HandOff,
            (HandOff.wait, HandOff.notify),
            HandOff.done,
        ),
    )
}
