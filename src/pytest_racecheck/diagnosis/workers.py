"""Forks of this process that do a share of its work each and say one thing at their end.

A worker is a fork because a body closes over fixtures.  It may die or hang as it likes: that is a
result, too.  None is left behind, whatever ends the parent.
"""

from __future__ import annotations

import _thread
import contextlib
import io
import json
import mmap
import os
import select
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from pytest_racecheck.diagnosis.alarm import Alarm
from pytest_racecheck.diagnosis.forked import open_nameless
from pytest_racecheck.engine.clock import real_sleep_s
from pytest_racecheck.free.child import take_over_process
from pytest_racecheck.free.messages import write_all
from pytest_racecheck.free.outcome import signal_name
from pytest_racecheck.free.prctl import kill_group

_TICK_S = 0.05
_BEAT_S = 0.02
#: On a busy machine a worker may have no turn for seconds, and nobody waits for it in vain.
_GRACE_S = 10.0
_BROKEN = 71  # our own code failed in the worker
_FIELDS = ("beats", "at", "ended by")
_NUMBER = struct.Struct("<Q")
_exit = os._exit


class Board:
    """Numbers that the processes share: what each is at, and which execution ended its search."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._memory = mmap.mmap(-1, workers * len(_FIELDS) * _NUMBER.size)

    def write(self, worker: int, field: str, number: int) -> None:
        """Only ``worker`` itself writes; 0 stands for nothing, so each number is kept plus 1."""
        _NUMBER.pack_into(self._memory, self._place(worker, field), number + 1)

    def read(self, worker: int, field: str) -> int:
        """The number, or -1 for nothing."""
        return int(_NUMBER.unpack_from(self._memory, self._place(worker, field))[0]) - 1

    def lowest_end(self) -> int | None:
        """The lowest number of an execution that ended a search."""
        ends = [self.read(worker, "ended by") for worker in range(self._workers)]
        return min((end for end in ends if end >= 0), default=None)

    def beat(self, worker: int) -> None:
        """Count in a thread of its own, which native code that keeps the interpreter stops."""
        _thread.start_new_thread(self._beat, (worker,))

    def _beat(self, worker: int) -> None:
        while True:
            self.write(worker, "beats", self.read(worker, "beats") + 1)
            real_sleep_s(_BEAT_S)

    def _place(self, worker: int, field: str) -> int:
        return (worker * len(_FIELDS) + _FIELDS.index(field)) * _NUMBER.size


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker said, or (``message`` is None) how it ended and at which execution."""

    worker: int
    message: Any
    at: int
    how: str


@dataclass(slots=True)
class _Worker:
    number: int
    pid: int
    result: int
    life: int  # the reading end of a pipe, which closes when the worker is gone
    alarm: Alarm
    stopped: str | None = None


class Crew:
    """The workers of one piece of work; leaving the context ends those that are still there."""

    def __init__(self, board: Board, patience_s: float, seconds: float) -> None:
        self._board = board
        self._limits = patience_s, seconds
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._workers:
            self._end(self._workers.pop())

    def start(self, number: int, work: Callable[[], Any]) -> None:
        """Fork worker ``number``; what ``work()`` returns, plain data, is its report."""
        result, stacks = open_nameless("result"), open_nameless("stacks")
        life, alive = os.pipe()
        here = os.getpid()
        with warnings.catch_warnings():
            # 3.12 warns of other threads; who forks has made sure that they are ours.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _be_the_worker(work, {"result": result, "stacks": stacks}, here)
        os.close(alive)
        os.close(stacks)
        board = self._board
        patience_s, seconds = self._limits
        alarm = Alarm(
            lambda: (board.read(number, "beats"), board.read(number, "at")),
            patience_s,
            seconds,
            _GRACE_S,
        )
        self._workers.append(_Worker(number, pid, result, life, alarm))

    def wait(self, tick: Callable[[], None]) -> list[Report]:
        """Until every worker has ended; ``tick`` is called now and then, and may raise."""
        reports = []
        while self._workers:
            tick()
            for worker in [one for one in self._workers if _has_ended(one) or _stalls(one)]:
                self._workers.remove(worker)
                reports.append(self._end(worker))
            select.select([one.life for one in self._workers], [], [], _TICK_S)
        return sorted(reports, key=lambda report: report.worker)

    def _end(self, worker: _Worker) -> Report:
        kill_group(worker.pid, signal.SIGKILL)  # and everything that it started
        _, status = os.waitpid(worker.pid, 0)
        os.close(worker.life)
        os.lseek(worker.result, 0, os.SEEK_SET)
        with open(worker.result, "rb") as file:
            said = file.read()
        code, at = os.waitstatus_to_exitcode(status), self._board.read(worker.number, "at")
        if code == _BROKEN:
            raise RuntimeError(f"a worker failed by itself:\n{said.decode(errors='replace')}")
        if code == 0 and worker.stopped is None:
            with contextlib.suppress(ValueError):  # the body wrote there: then it said nothing
                return Report(worker.number, json.loads(said), at, "")
        died = f"died of {signal_name(-code)}" if code < 0 else f"left with status {code}"
        how = f"was killed: {worker.stopped}" if worker.stopped else died
        return Report(worker.number, None, at, how)


def _has_ended(worker: _Worker) -> bool:
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, worker.pid, flags) is not None


def _stalls(worker: _Worker) -> bool:
    worker.stopped = worker.alarm()
    return worker.stopped is not None


def _be_the_worker(work: Callable[[], Any], fds: dict[str, int], parent: int) -> NoReturn:
    status, here = _BROKEN, os.getpid()
    try:
        nowhere = {name: os.open(os.devnull, os.O_WRONLY) for name in ("stdout", "stderr")}
        take_over_process({**fds, **nowhere}, parent)
        sys.stdout, sys.stderr = _text_to(1), _text_to(2)
        said = json.dumps(work()).encode("ascii")
        if os.getpid() == here:  # else the body forked, and this is not the one that was asked
            write_all(fds["result"], said)
        status = 0
    except BaseException:  # noqa: BLE001 - ours: the parent raises it
        with contextlib.suppress(OSError):
            write_all(fds["result"], traceback.format_exc().encode(errors="replace"))
    finally:
        _exit(status)


def _text_to(fd: int) -> io.TextIOWrapper:
    raw: Any = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115 - for the whole process
    return io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)
