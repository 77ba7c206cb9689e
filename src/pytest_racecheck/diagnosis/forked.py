"""Runs one function in a forked child and says how that ended; leaves no process behind.

A body closes over fixtures and cannot be sent to another process, so the child is a fork.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import selectors
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.child import STACKS_SIGNAL, take_over_process
from pytest_racecheck.free.messages import MalformedMessage, MessageReader, pack, write_all
from pytest_racecheck.free.outcome import CappedText, signal_name
from pytest_racecheck.free.prctl import kill_group

_PIPES = ("result", "stacks", "story")
_FILES = ("stdout", "stderr")
_TICK_S = 0.02
_STACKS_S = 1.0
_QUIET_S = 0.1
_LARGEST_STORY_BYTES = 16 * 1024 * 1024
_SHOWN_BYTES = 65_536  # of what the child printed: so much of its beginning, and of its end
_LARGEST_OUTPUT_BYTES = 32 * 1024 * 1024
_BROKEN = 71  # our own code failed in the child
_exit = os._exit


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: with a ``message``, an exit ``status``, a ``signal``, or ``stopped``.

    ``stopped`` is why the parent killed it, ``stacks`` what faulthandler wrote, ``story`` what the
    child wrote to the fd that it was given; ``stdout`` and ``stderr`` are what it printed since
    `Outputs.forget`, its beginning and its end.
    """

    message: dict[str, Any] | None
    status: int | None
    signal: str | None
    stopped: str | None
    stdout: str
    stderr: str
    stacks: str
    story: bytes


class Outputs:
    """The files that the child prints into; a pipe could not forget what it was given."""

    def __init__(self) -> None:
        self.fds = {name: open_nameless(name) for name in _FILES}

    def forget(self) -> None:
        """Drop what was printed so far."""
        for fd in self.fds.values():
            if os.lseek(fd, 0, os.SEEK_END):
                os.ftruncate(fd, 0)

    def keep_small(self) -> None:
        """Called by the parent now and then: 1 GB of prints must not cost 1 GB."""
        for fd in self.fds.values():
            if os.fstat(fd).st_size > _LARGEST_OUTPUT_BYTES:
                os.ftruncate(fd, _SHOWN_BYTES)  # the child appends, so it goes on behind that

    def texts(self) -> dict[str, str]:
        """What is there, invalid UTF-8 replaced; the files are closed."""
        found = {}
        for name, fd in self.fds.items():
            text = CappedText(_SHOWN_BYTES, _SHOWN_BYTES)
            os.lseek(fd, 0, os.SEEK_SET)
            with open(fd, "rb", buffering=0) as file:
                while data := file.read(65_536):
                    text.feed(data)
            found[name] = text.text()
        return found


def open_nameless(name: str) -> int:
    """A file of its own that is in no folder, to be written at its end."""
    fd = os.memfd_create(name) if hasattr(os, "memfd_create") else _temporary()
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
    return fd


def _temporary() -> int:
    fd, path = tempfile.mkstemp()
    os.unlink(path)
    return fd


def run_forked(
    work: Callable[[int, Outputs], dict[str, Any]], stalled: Callable[[], str | None]
) -> Ended:
    """Run ``work(story_fd, outputs)`` in a child; ``stalled()`` is asked why to end it, often."""
    if not hasattr(os, "fork"):
        raise UsageError("isolate=True needs os.fork, which this platform does not have")
    pipes = {name: os.pipe() for name in _PIPES}
    outputs = Outputs()
    here = os.getpid()
    with warnings.catch_warnings():
        # 3.12 warns of other threads; the child needs nothing that they might hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _be_the_child(work, pipes, outputs, here)
    for _, write in pipes.values():
        os.close(write)
    reads = {name: read for name, (read, _) in pipes.items()}
    return _Parent(pid, reads, outputs).supervise(stalled)


def _be_the_child(
    work: Callable[[int, Outputs], dict[str, Any]],
    pipes: dict[str, tuple[int, int]],
    outputs: Outputs,
    parent: int,
) -> NoReturn:
    status, here = _BROKEN, os.getpid()
    try:
        for read, _ in pipes.values():
            os.close(read)
        writes = {name: write for name, (_, write) in pipes.items()}
        copies = {name: os.dup(fd) for name, fd in outputs.fds.items()}
        take_over_process({**writes, **copies}, parent)
        sys.stdout, sys.stderr = _text_to(1), _text_to(2)
        message = work(writes["story"], outputs)
        if os.getpid() == here:  # else the body forked, and this is not the one that was asked
            write_all(writes["result"], pack(message))
        status = 0
    except BaseException:  # noqa: BLE001 - ours: the parent finds it in stderr
        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        _exit(status)


def _text_to(fd: int) -> io.TextIOWrapper:
    """Unbuffered, because what was printed before a crash is what one wants to see."""
    raw: Any = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115 - for the whole process
    return io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)


class _Parent:
    """One child from its birth to its reaping."""

    def __init__(self, pid: int, reads: dict[str, int], outputs: Outputs) -> None:
        self._pid = pid
        self._reads = reads
        self._outputs = outputs
        self._stacks = CappedText()
        self._story = bytearray()
        self._reader = MessageReader()
        self._messages: list[dict[str, Any]] = []
        self._selector = selectors.DefaultSelector()
        for name, fd in reads.items():
            self._selector.register(fd, selectors.EVENT_READ, name)

    def supervise(self, stalled: Callable[[], str | None]) -> Ended:
        """Read what the child says until it is gone; whatever happens here, it goes."""
        stopped = None
        try:
            while stopped is None and not self._has_ended():
                self._read(_TICK_S)
                self._outputs.keep_small()
                stopped = stalled()
            if stopped is not None and not self._has_ended():
                self._ask_for_stacks()
        finally:
            kill_group(self._pid, signal.SIGKILL)  # and everything that it started
            _, status = os.waitpid(self._pid, 0)
            while self._read(0.0):
                pass
            self._selector.close()
            for fd in self._reads.values():
                os.close(fd)
        return self._ended(os.waitstatus_to_exitcode(status), stopped)

    def _has_ended(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._pid, flags) is not None

    def _read(self, timeout_s: float) -> bool:
        """Take what has arrived; False when nothing has."""
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            data = os.read(key.fd, 65_536)
            if data:
                self._take(key.data, data)
            else:
                self._selector.unregister(key.fd)
        if not self._selector.get_map():
            time.sleep(timeout_s)  # it closed everything and lives on
            return False
        return bool(ready)

    def _take(self, name: str, data: bytes) -> None:
        if name == "story":
            self._story += data[: _LARGEST_STORY_BYTES - len(self._story)]
        elif name != "result":
            self._stacks.feed(data)
        else:
            with contextlib.suppress(MalformedMessage):  # the body wrote there: no message then
                self._messages += self._reader.feed(data)

    def _ask_for_stacks(self) -> None:
        os.kill(self._pid, STACKS_SIGNAL)
        end_s = time.monotonic() + _STACKS_S
        while time.monotonic() < end_s and not self._stacks:
            self._read(_TICK_S)
        while time.monotonic() < end_s and self._read(_QUIET_S):
            pass

    def _ended(self, code: int, stopped: str | None) -> Ended:
        texts = self._outputs.texts()
        if code == _BROKEN and not self._messages:
            raise RuntimeError(f"the isolated child failed by itself:\n{texts['stderr']}")
        whole = code == 0 and stopped is None and bool(self._messages)
        return Ended(
            message=self._messages[-1] if whole else None,
            status=code if code >= 0 and stopped is None else None,
            signal=signal_name(-code) if code < 0 and stopped is None else None,
            stopped=stopped,
            story=bytes(self._story),
            stacks=self._stacks.text(),
            **texts,
        )
