"""A program that takes whether it is to be broken, as the near misses are tried on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

CALL, READY, CLOSE = "thread-unsafe call", "use before ready", "use after close"


@dataclass(frozen=True)
class Program:
    """One bug and its fix; ``unsafe`` are the classes that its user declares."""

    name: str
    kind: str
    body: Callable[[bool], object]
    unsafe: tuple[str, ...] = ()

    def broken(self) -> None:
        """The variant with the bug."""
        self.body(True)

    def fixed(self) -> None:
        """The variant without."""
        self.body(False)


class Programs(list[Program]):
    """The programs of one file."""

    def add(self, kind: str, *unsafe: str) -> Callable[[Callable[[bool], object]], None]:
        """Enter the decorated program."""

        def enter(body: Callable[[bool], object]) -> None:
            self.append(Program(body.__name__, kind, body, unsafe))

        return enter


def together(*functions: Callable[[], object]) -> None:
    """Run each in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=one, name=one.__name__) for one in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


#: Gaps of ten ticks are usual: much longer than a busy machine keeps a thread waiting.
TICK_S = 0.003


def pause(ticks: float) -> None:
    """Whatever else the thread has to do: a disk, a network, a user."""
    time.sleep(ticks * TICK_S)


class Nothing:
    """In the place of a lock: the broken variants forgot theirs."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def lock_unless(broken: bool) -> threading.Lock | Nothing:
    """The lock that the broken variant forgot."""
    return Nothing() if broken else threading.Lock()
