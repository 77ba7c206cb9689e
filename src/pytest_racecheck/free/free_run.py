"""Runs one call in a child process under a real deadline and says how it ended; leaves nothing.

The parent side of `fork_server`. A child that outlives its deadline first shows its stacks, then
gets SIGTERM, then SIGKILL, it and everything it started.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pytest_racecheck.errors import RacecheckError, UsageError
from pytest_racecheck.free.messages import MalformedMessage, MessageReader, pack
from pytest_racecheck.free.outcome import CappedText, ChildFailure, Ending, Outcome, signal_name

FD_NAMES = ("stdout", "stderr", "result", "stacks")
STACKS_SIGNAL = signal.SIGUSR2
STACKS_QUIET_S = 0.05
STACKS_LIMIT_S = 1.0
TERM_GRACE_S = 0.5
KILL_GRACE_S = 5.0
CLOSE_GRACE_S = 1.0


class Refused(RacecheckError):
    """The call raised a RacecheckError of its own: nothing was run, and its message says why."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class Interrupted(RacecheckError):
    """The run was given up because `ForkServer.interrupt` was called, or its server died."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a child is to do: call `call` ("module:function") with JSON-able `arguments`.

    A failure is located in the innermost line below the folders `own`, where there is one.
    """

    call: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    deadline_s: float = 60.0
    seed: int = 0
    own: tuple[str, ...] = ()


class ForkServer:
    """One fork server process, started at the first run; `run` one request at a time.

    `path` goes in front of `sys.path` of the server and its children; `environment` is added to
    theirs. Use it as a context manager. `interrupt` may be called from another thread.
    """

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        path: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._preload = tuple(name for name in preload if _can_be_found(name))
        self._path = [*path, *sys.path]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, request: Request) -> Outcome:
        """Run `request` in a fresh child. Raises Interrupted, and Refused as the call does."""
        message = self._message(request)
        if self._connection is None and not self._interrupted:
            self._start()
        if self._interrupted or self._connection is None:
            raise Interrupted("the run was interrupted before it started")
        reads, writes = _pipes()
        try:
            _send(self._connection, message, list(writes.values()))
            _close(writes)
            return _Run(self._connection, reads, request).supervise()
        except ConnectionError as problem:
            raise Interrupted("the fork server is gone") from problem
        finally:
            _close(reads)
            _close(writes)

    def interrupt(self) -> None:
        """Give up the run under way: its processes are killed and `run` raises Interrupted."""
        self._interrupted = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the server and all that it started."""
        if self._connection is None or self._process is None:
            return
        self._connection.close()
        try:
            self._process.wait(CLOSE_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._connection = self._process = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = (
                f"import sys; sys.path[:] = {self._path!r}; "
                "from pytest_racecheck.free.fork_server import main; "
                f"main({theirs.fileno()}, {self._preload!r})"
            )
            self._process = subprocess.Popen(
                [sys.executable, "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=self._environment,
                start_new_session=True,  # a Ctrl-C in the terminal is for the parent to judge
            )
        self._connection = ours

    def _message(self, request: Request) -> dict[str, Any]:
        return {
            "call": request.call,
            "arguments": dict(request.arguments),
            "seed": request.seed,
            "own": list(request.own),
            "path": self._path,
            "folder": _current_folder(),
        }


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as problem:
        raise UsageError("the current folder is gone: change to one that exists") from problem


def _can_be_found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _pipes() -> tuple[dict[str, int], dict[str, int]]:
    reads: dict[str, int] = {}
    writes: dict[str, int] = {}
    for name in FD_NAMES:
        reads[name], writes[name] = os.pipe()
        os.set_blocking(reads[name], False)
    return reads, writes


def _close(fds: dict[str, int]) -> None:
    while fds:
        os.close(fds.popitem()[1])


def _send(connection: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
    data = pack(message)
    sent = socket.send_fds(connection, [data], fds) if fds else 0
    connection.sendall(data[sent:])


class _Run:
    """One child from its birth to its reaping; the last-resort limits live here."""

    def __init__(self, connection: socket.socket, reads: dict[str, int], request: Request) -> None:
        self._connection = connection
        self._request = request
        self._fds = dict(reads)
        self._texts = {name: CappedText() for name in ("stdout", "stderr", "stacks")}
        self._server_says = MessageReader()
        self._result_reader = MessageReader()
        self._results: list[dict[str, Any]] = []
        self._status: int | None = None
        self._started_s = time.monotonic()

    def supervise(self) -> Outcome:
        """Read until the child is reaped, stopping it at its deadline. Raises ConnectionError."""
        self._read_until(lambda: self._status is not None, self._request.deadline_s)
        seconds = time.monotonic() - self._started_s
        hung = self._status is None
        if hung:
            self._stop()
        while self._fds and self._read_once(0.0):
            pass
        return self._outcome(seconds, hung=hung)

    def _read_until(self, done: Callable[[], bool], limit_s: float) -> None:
        end_s = time.monotonic() + limit_s
        while not done():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return
            self._read_once(left_s)

    def _read_once(self, timeout_s: float) -> bool:
        names = {fd: name for name, fd in self._fds.items()}
        server = self._connection.fileno()
        ready, _, _ = select.select([server, *names], [], [], timeout_s)
        if server in ready:
            self._hear_server()
        pipes = [names[fd] for fd in ready if fd != server]
        for name in pipes:
            self._read_pipe(name)
        return bool(pipes)

    def _hear_server(self) -> None:
        data = self._connection.recv(65_536)
        if not data:
            raise ConnectionError("the fork server closed its end")
        for message in self._server_says.feed(data):
            if "status" in message:
                self._status = message["status"]

    def _read_pipe(self, name: str) -> None:
        data = os.read(self._fds[name], 65_536)
        if not data:
            del self._fds[name]
        elif name == "result":
            self._take_result(data)
        else:
            self._texts[name].feed(data)

    def _take_result(self, data: bytes) -> None:
        try:
            self._results += self._result_reader.feed(data)
        except MalformedMessage as problem:
            self._texts["stderr"].feed(f"(result pipe: {problem})\n".encode())
            del self._fds["result"]

    def _stop(self) -> None:
        self._signal(STACKS_SIGNAL, group=False)
        self._read_until(lambda: bool(self._texts["stacks"]) or self._ended(), STACKS_LIMIT_S)
        self._read_until(self._ended, STACKS_QUIET_S)  # the dump may come in pieces
        for number, grace_s in ((signal.SIGTERM, TERM_GRACE_S), (signal.SIGKILL, KILL_GRACE_S)):
            if not self._ended():
                self._signal(number, group=True)
                self._read_until(self._ended, grace_s)
        if not self._ended():
            raise ConnectionError("a child could not be killed")

    def _ended(self) -> bool:
        return self._status is not None

    def _signal(self, number: int, *, group: bool) -> None:
        _send(self._connection, {"signal": int(number), "group": group}, [])

    def _outcome(self, seconds: float, *, hung: bool) -> Outcome:
        said: dict[str, Any] = {name: text.text() for name, text in self._texts.items()}
        if hung:
            return Outcome(Ending.HANG, seconds, **said)
        status = self._status
        assert status is not None, "the child was reaped before its outcome is asked for"
        if status < 0:  # also when it had said its result before it died
            return Outcome(Ending.CRASH, seconds, signal=signal_name(-status), **said)
        if status > 0 or not self._results:
            return Outcome(Ending.CRASH, seconds, exit_status=status, **said)
        result = self._results[-1]
        if "refused" in result:
            raise Refused(**result["refused"])
        failure = result["failure"]
        return Outcome(
            Ending.FAILURE if failure else Ending.OK,
            seconds,
            value=result.get("value"),
            failure=ChildFailure(**failure) if failure else None,
            left_over=tuple(result["left_over"]),
            **said,
        )
