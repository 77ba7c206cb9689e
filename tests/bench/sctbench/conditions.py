"""Programs that wait and notify wrongly: bounded_buffer, condition_if, lost_wakeup."""

from __future__ import annotations

import threading

from tests.bench.sctbench.together import run


def bounded_buffer(*, fixed: bool) -> None:
    """Two producers and two consumers share one condition, and each notifies one of them."""
    changed = threading.Condition(threading.Lock())
    capacity, rounds = 1, 2
    used = 0

    def wake() -> None:
        if fixed:
            changed.notify_all()
        else:
            changed.notify()

    def produce() -> None:
        nonlocal used
        for _ in range(rounds):
            with changed:
                while used == capacity:
                    changed.wait()
                used += 1
                wake()

    def consume() -> None:
        nonlocal used
        for _ in range(rounds):
            with changed:
                while used == 0:
                    changed.wait()
                used -= 1
                wake()

    run(produce, produce, consume, consume)


def condition_if(*, fixed: bool) -> None:
    """A consumer that was woken takes it for granted that the item is still there."""
    changed = threading.Condition(threading.Lock())
    items: list[int] = []

    def consume() -> None:
        with changed:
            if fixed:
                while not items:
                    changed.wait()
            elif not items:
                changed.wait()
            items.pop()

    def produce() -> None:
        for item in range(2):
            with changed:
                items.append(item)
                changed.notify()

    run(consume, consume, produce)


def lost_wakeup(*, fixed: bool) -> None:
    """The consumer clears the event after it has looked, and with it what came meanwhile."""
    arrived = threading.Event()
    items: list[int] = []

    def produce() -> None:
        for item in range(2):
            items.append(item)
            arrived.set()

    def consume() -> None:
        left = 2
        while left:
            arrived.wait()
            if fixed:
                arrived.clear()
            while items:
                items.pop()
                left -= 1
            if not fixed:
                arrived.clear()

    run(produce, consume)
