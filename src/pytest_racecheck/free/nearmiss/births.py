"""When threads were started and joined, and what escaped from them: kept while one run lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Threads:
    """``born`` has times by thread ident, ``joined`` by who ended and who waited for that."""

    born: dict[int, float] = field(default_factory=dict)
    joined: dict[tuple[int, int], float] = field(default_factory=dict)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)

    def order(self, one: int, at_s: float, other: int) -> bool:
        """Whether starting or joining a thread comes between what ``one`` did and ``other`` does.

        Who ended without being joined is not ordered: it might have been later.
        """
        started_s, joined_s = self.born.get(other, -1.0), self.joined.get((one, other), -1.0)
        return max(started_s, joined_s) >= at_s


@contextmanager
def threads_noted(*, forward: bool) -> Iterator[Threads]:
    """Note starts, joins and failures of threads meanwhile; ``forward``: failures are told too."""
    noted = Threads()
    before = (threading.Thread.start, threading.Thread.join, threading.excepthook)
    ours = (_noting_start(noted), _noting_join(noted), _noting_hook(noted, forward))
    _put(ours)
    try:
        yield noted
    finally:
        now = (threading.Thread.start, threading.Thread.join, threading.excepthook)
        # What somebody else has put there meanwhile stays.
        _put(tuple(b if n is o else n for n, o, b in zip(now, ours, before, strict=True)))


def _put(three: tuple[Any, ...]) -> None:
    threading.Thread.start = three[0]  # type: ignore[method-assign]
    threading.Thread.join = three[1]  # type: ignore[method-assign]
    threading.excepthook = three[2]


def _noting_start(noted: Threads) -> Callable[[threading.Thread], None]:
    start = threading.Thread.start

    def noting_start(self: threading.Thread) -> None:
        began_s = time.monotonic()
        start(self)
        if self.ident is not None:
            noted.born[self.ident] = began_s

    return noting_start


def _noting_join(noted: Threads) -> Callable[[threading.Thread, float | None], None]:
    join = threading.Thread.join

    def noting_join(self: threading.Thread, timeout: float | None = None) -> None:
        join(self, timeout)
        if self.ident is not None and not self.is_alive():
            noted.joined[self.ident, threading.get_ident()] = time.monotonic()

    return noting_join


def _noting_hook(noted: Threads, forward: bool) -> Callable[[Any], None]:
    hook = threading.excepthook

    def noting_hook(args: Any) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread is not None else "unknown thread"
            noted.failures.append((name, args.exc_value))
        if forward:
            hook(args)

    return noting_hook
