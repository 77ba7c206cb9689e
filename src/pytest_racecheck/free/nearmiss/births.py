"""When threads were started and joined, and what escaped from them: kept while one run lasts."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Threads:
    """Numbers for threads, since an ident is used again as soon as a thread has ended.

    ``born`` has the time of each start by number, ``joined`` that of each join by who ended and who
    waited for it, ``failures`` who raised what.
    """

    def __init__(self) -> None:
        self.born: dict[int, float] = {}
        self.joined: dict[tuple[int, int], float] = {}
        self.failures: list[tuple[str, BaseException]] = []
        self._parents: dict[int, tuple[int, float]] = {}
        self._started: dict[int, tuple[threading.Thread, int]] = {}
        self._numbers = itertools.count()
        self._own = threading.local()

    def me(self) -> int:
        """The number of the calling thread."""
        try:
            number: int = self._own.number
        except AttributeError:
            number = self._own.number = self._number_of(current())
        return number

    def starts(self, thread: threading.Thread) -> None:
        """``thread`` is about to be started; it is kept, so that its address stays its own."""
        number, me = next(self._numbers), self.me()
        self._started[id(thread)] = (thread, number)
        self.born[number] = time.monotonic()
        self._parents[number] = (me, self.born[number])

    def has_joined(self, thread: threading.Thread) -> None:
        """The calling thread has seen the end of ``thread``."""
        known = self._started.get(id(thread))
        if known is not None:
            self.joined[known[1], self.me()] = time.monotonic()

    def order(self, one: int, at_s: float, other: int, until_s: float = math.inf) -> bool:
        """Whether starts and joins order what ``one`` did before what ``other`` does.

        Who ended without being joined is not ordered: it might have been later.  What was joined by
        somebody who was joined in turn is not followed; then a delay finds out.
        """
        if at_s <= self.joined.get((one, other), -1.0) <= until_s:
            return True
        parent, born_s = self._parents.get(other, (None, 0.0))
        if parent is None or born_s > until_s:
            return False
        return at_s <= born_s if parent == one else self.order(one, at_s, parent, born_s)

    def _number_of(self, thread: threading.Thread | None) -> int:
        known = self._started.get(id(thread))
        return next(self._numbers) if known is None else known[1]


def current() -> threading.Thread | None:
    """The calling thread, if ``threading`` knows it: asking that may make one up."""
    found: threading.Thread | None = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    return found


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
        noted.starts(self)
        start(self)

    return noting_start


def _noting_join(noted: Threads) -> Callable[[threading.Thread, float | None], None]:
    join = threading.Thread.join

    def noting_join(self: threading.Thread, timeout: float | None = None) -> None:
        join(self, timeout)
        if not self.is_alive():
            noted.has_joined(self)

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
