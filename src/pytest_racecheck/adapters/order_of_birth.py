"""Sets of threads and futures in the order of their birth: addresses differ from run to run.

An executor joins the threads of a set, ``concurrent.futures.wait`` returns sets and locks futures
in the order of their ``id``; with addresses a schedule could not be replayed.
"""

from __future__ import annotations

import concurrent.futures._base
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pytest_racecheck.engine.execution import controlled

_FUTURES = vars(concurrent.futures._base)
_init_future = Future.__init__
_BIRTH = "_racecheck_birth"


class Births:
    """Numbers the threads and futures that controlled tasks make, anew in each execution."""

    def __init__(self) -> None:
        self._elders = {id(thread): thread for thread in threading._dangling}  # type: ignore[attr-defined]
        self.begin()

    def begin(self) -> None:
        """A new execution: count from one, executors included."""
        self._next = itertools.count(1).__next__
        ThreadPoolExecutor._counter = itertools.count().__next__  # type: ignore[attr-defined]

    def hash_thread(self, thread: threading.Thread) -> int:
        """The number of a thread of ours; a set made before now keeps finding its threads."""
        birth: int | None = vars(thread).get(_BIRTH)
        if birth is None:
            if id(thread) in self._elders or controlled() is None:
                return object.__hash__(thread)
            birth = vars(thread)[_BIRTH] = self._next()
        return birth

    def init_future(self, future: Future[Any]) -> None:
        """``Future.__init__``, and a number."""
        _init_future(future)
        if controlled() is not None:
            vars(future)[_BIRTH] = self._next()


def _number(thing: object) -> int:
    birth = getattr(thing, "__dict__", {}).get(_BIRTH)
    return id(thing) if birth is None else int(birth)


def _hash_future(future: Future[Any]) -> int:
    birth: int | None = vars(future).get(_BIRTH)
    return object.__hash__(future) if birth is None else birth


@contextmanager
def ordered_by_birth() -> Iterator[Births]:
    """Threads and futures of controlled tasks hash by birth while entered."""
    names = ThreadPoolExecutor._counter  # type: ignore[attr-defined]
    births = Births()

    def hash_thread(thread: threading.Thread) -> int:
        return births.hash_thread(thread)

    def init_future(future: Future[Any]) -> None:
        births.init_future(future)

    threading.Thread.__hash__ = hash_thread  # type: ignore[assignment]
    Future.__hash__ = _hash_future  # type: ignore[assignment]
    Future.__init__ = init_future  # type: ignore[method-assign,assignment]
    _FUTURES["id"] = _number  # what the module sorts futures by before it locks them
    try:
        yield births
    finally:
        del threading.Thread.__hash__, Future.__hash__, _FUTURES["id"]
        Future.__init__ = _init_future  # type: ignore[method-assign]
        ThreadPoolExecutor._counter = names  # type: ignore[attr-defined]
