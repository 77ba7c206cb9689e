"""Changes what no program may rely on, during one execution: orders, addresses, hashes.

Within one process a set of strings has the same order each time, and so has a folder.  In another
process they have not.  A program that ends otherwise when they are shaken depends on them.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any

from pytest_racecheck.diagnosis import witness
from pytest_racecheck.engine.failure import is_internal
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.recorded import Follow
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence

SET_ORDER = "the order of a set"
#: How often the collector is let loose in one execution, and at one in how many operations.
_COLLECTIONS, _COLLECT_ONE_IN = 4, 6
#: The order of a set depends on the size of its table, which what it once held decides.
_MOST_JUNK = 50_000
#: A process id has more.
_SMALL = 64
#: What small objects lie in: steps of the allocator, up to its largest small block.
_SIZES, _OF_EACH = range(32, 513, 16), 128


@contextmanager
def _addresses(seed: int) -> Iterator[None]:
    """New objects get addresses in another order than they are made in."""
    dice, kept = Random(seed), []
    for size in _SIZES:
        blocks = [bytes(size - 33 + 1) for _ in range(_OF_EACH)]
        dice.shuffle(blocks)
        kept.append(blocks[: _OF_EACH // 2])
        del blocks
    yield
    del kept


@contextmanager
def _hashes(seed: int) -> Iterator[None]:
    """``hash()`` of a text gives what it may give in another process."""
    real, salt = builtins.hash, Random(seed).getrandbits(60)

    def salted(value: Any) -> int:
        caller = sys._getframe(1).f_code
        own = caller.co_name == "__hash__" or is_internal(caller.co_filename)
        if own or not isinstance(value, (str, bytes)):
            return real(value)
        return real((salt, value))

    with _instead(builtins, "hash", salted):
        yield


@contextmanager
def _files(seed: int) -> Iterator[None]:
    """Folders are listed in another order."""
    listdir, scandir = os.listdir, os.scandir

    def listed(*path: Any) -> list[Any]:
        return _reordered(listdir(*path), str, seed)

    def scanned(*path: Any) -> _Entries:
        with scandir(*path) as entries:
            return _Entries(_reordered(list(entries), lambda entry: str(entry.name), seed))

    with _instead(os, "listdir", listed), _instead(os, "scandir", scanned):
        yield


def _reordered(found: list[Any], key: Callable[[Any], str], seed: int) -> list[Any]:
    """Up and down at first, because two files are the usual number; then anyhow."""
    found.sort(key=key, reverse=bool(seed % 2))
    if seed > 1:
        Random(seed).shuffle(found)
    return found


class _Entries:
    """What ``os.scandir`` gives: an iterator that is closed by a ``with``."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def close(self) -> None:
        """Nothing more comes."""
        self._entries = iter(())


@contextmanager
def _process_id(seed: int) -> Iterator[None]:
    """What the code under test reckons with the process id comes out otherwise."""
    with _instead(os, "getpid", _shifted(os.getpid, seed + 1)):
        yield


@contextmanager
def _thread_ids(seed: int) -> Iterator[None]:
    """The same with the ids of the operating system's threads."""
    with _instead(threading, "get_native_id", _shifted(threading.get_native_id, seed + 1)):
        yield


class _Told(int):
    """A true id, because somebody may send it a signal; what is reckoned with it is another's.

    Only small results differ, such as a parity or the number of a shard: they name no process.
    """

    by = 0

    def __mod__(self, other: int) -> int:
        return (int(self) + self.by * (other < _SMALL)) % other

    def __and__(self, other: int) -> int:
        return (int(self) + self.by * (other < _SMALL)) & other


def _shifted(real: Callable[[], int], by: int) -> Callable[[], int]:
    def asked() -> int:
        if is_internal(sys._getframe(1).f_code.co_filename):
            return real()
        told = _Told(real())
        told.by = by
        return told

    return asked


@contextmanager
def _instead(owner: Any, name: str, made: Any) -> Iterator[None]:
    real = getattr(owner, name)
    setattr(owner, name, made)
    try:
        yield
    finally:
        setattr(owner, name, real)


_AROUND: dict[str, Callable[[int], Any]] = {
    witness.IDENTITY: _addresses,
    witness.HASH: _hashes,
    witness.FILES: _files,
    witness.PROCESS_ID: _process_id,
    witness.THREAD_ID: _thread_ids,
}
#: Done to every program; the others only to one that was seen to ask.
ALWAYS = (SET_ORDER, witness.IDENTITY)
WHEN_SEEN = (
    witness.HASH,
    witness.FILES,
    witness.PROCESS_ID,
    witness.THREAD_ID,
    witness.COLLECTOR,
)


class Shaken:
    """Follows a schedule, and shakes sets and the collector at its operations."""

    def __init__(self, schedule: Schedule, kinds: Sequence[str], seed: int) -> None:
        self._follow = Follow(schedule)
        self._kinds = kinds
        self._seed = seed
        self._done: list[object] = []
        self._dice = Random(seed)
        self._collections = _COLLECTIONS if witness.COLLECTOR in kinds else 0
        self.pick = self._follow.pick
        if self._collections:
            gc.collect()  # what was garbage before is not the body's: its finalisers run now

    @contextmanager
    def around(self) -> Iterator[None]:
        """While the execution runs."""
        with ExitStack() as stack:
            for kind in self._kinds:
                if kind in _AROUND:
                    stack.enter_context(_AROUND[kind](self._seed))
            yield

    def performed(self, task: Task) -> None:
        """``task`` has come to its next operation, which has not been done yet."""
        if self._collections and self._dice.randrange(_COLLECT_ONE_IN) == 0:
            self._collections -= 1
            gc.collect()
        target = task.pending[1]
        if type(target) is set and SET_ORDER in self._kinds:
            self._shake(target)

    @property
    def shook(self) -> bool:
        """Whether there was a set to shake."""
        return bool(self._done)

    def left_over(self) -> Divergence | None:
        """As of the schedule followed."""
        return self._follow.left_over()

    def _shake(self, target: set[Any]) -> None:
        """Once for each set, before anybody can be in the middle of it."""
        if len(target) < 2 or any(target is one for one in self._done):
            return
        self._done.append(target)
        values = list(target)
        Random(self._seed).shuffle(values)
        junk = [object() for _ in range(min(8 * len(values) << (self._seed % 10), _MOST_JUNK))]
        target.clear()
        target.update(junk)
        target.update(values)
        target.difference_update(junk)
