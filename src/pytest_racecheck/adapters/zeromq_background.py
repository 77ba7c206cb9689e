"""libzmq's own threads: when all of them sleep, what an operation set off has come to its end.

A closed socket is taken apart by the reaper thread, tcp and ipc are served by I/O threads.  Both
move by themselves, so an operation is over only when they sleep again.  Linux says so in
/proc/self/task/<id>/stat, and a thread that was signalled is runnable before the signalling call
returns; so after an operation, "asleep" means "has nothing left to do".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from pytest_racecheck.engine import clock

T = TypeVar("T")

_TASKS = "/proc/self/task"
_NAME = b"ZMQbg"
_REAPER = b"Reaper"
_ASLEEP = ord("S")
#: An operation that has not settled by then is counted, and the verdict says so.
LIMIT_S = 0.25
#: After so many of them there is no point in waiting: somebody else keeps libzmq busy.
MAX_UNSETTLED = 8
_YIELDS = 40
_PAUSE_S = 30e-6


class Background:
    """The background threads of the contexts in this process: OS thread id to its open file."""

    def __init__(self) -> None:
        self._reapers: dict[str, int] = {}
        self._others: dict[str, int] = {}
        self.unsettled = 0
        for thread in _thread_ids():  # those of contexts that were there before
            self._take_up(thread, None)

    def watch_start(self, start: Callable[[], T], *, surely: bool) -> T:
        """Call ``start``, which makes a socket, and take up the threads that it started.

        ``surely``: it is the context's first socket, so threads must appear.
        """
        before = _thread_ids()
        made = start()
        new = sorted(_thread_ids() - before, key=int)
        if surely and not new:
            self.unsettled = MAX_UNSETTLED  # no /proc here: nothing can be called settled
        for thread in new:
            self._take_up(thread, self._reapers if thread == new[0] else self._others)
        return made

    def settle_reapers(self) -> bool:
        """Wait until closed sockets are taken apart as far as they can be; False if not in time."""
        return self._settle(self._reapers, 1)

    def settle_all(self) -> bool:
        """Wait until the I/O threads have done what they can do now; False if not in time."""
        # One that slept may have been woken by one that was looked at after it, hence twice.
        return self._settle(self._others, 2) and self._settle(self._reapers, 1)

    def forget_ended(self) -> None:
        """Give back the file descriptors of threads that have ended."""
        for group in (self._reapers, self._others):
            for thread, fd in list(group.items()):
                if not _stat(fd):
                    os.close(fd)
                    del group[thread]

    def close(self) -> None:
        """Give back every file descriptor."""
        for group in (self._reapers, self._others):
            for fd in group.values():
                os.close(fd)
            group.clear()

    def _settle(self, group: dict[str, int], looks: int) -> bool:
        if self.unsettled >= MAX_UNSETTLED:
            return False
        in_time = _all_asleep(group, looks)
        self.unsettled += not in_time
        return in_time

    def _take_up(self, thread: str, group: dict[str, int] | None) -> None:
        """Keep the open file of a background thread; without a group, its name tells which."""
        try:
            fd = os.open(f"{_TASKS}/{thread}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # it ended between the listing and now
        name = _stat(fd).rpartition(b")")[0]
        if group is None and _NAME not in name:
            os.close(fd)
            return
        by_name = self._reapers if _REAPER in name else self._others
        (by_name if group is None else group)[thread] = fd


def _all_asleep(group: dict[str, int], looks: int) -> bool:
    """Wait until every thread was found asleep in so many looks in a row; False after LIMIT_S."""
    calm = tries = 0
    end_s = 0.0
    while calm < looks:
        if all(_is_asleep(fd) for fd in group.values()):
            calm += 1
            continue
        calm, looks, tries = 0, 2, tries + 1
        if tries == 1:
            end_s = clock.real_monotonic_s() + LIMIT_S
        elif tries % 8 == 0 and clock.real_monotonic_s() > end_s:
            return False
        _let_run(tries)
    return True


def _thread_ids() -> set[str]:
    try:
        return set(os.listdir(_TASKS))
    except FileNotFoundError:
        return set()


def _stat(fd: int) -> bytes:
    try:
        return os.pread(fd, 64, 0)
    except ProcessLookupError:
        return b""  # it has ended


def _is_asleep(fd: int) -> bool:
    stat = _stat(fd)
    return not stat or stat[stat.rindex(b")") + 2] == _ASLEEP


def _let_run(tries: int) -> None:
    # The engine keeps this process on one CPU, so the others run when this thread yields.
    if tries <= _YIELDS:
        os.sched_yield()
    else:
        clock.real_sleep_s(_PAUSE_S)
