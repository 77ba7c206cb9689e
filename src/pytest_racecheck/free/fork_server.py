"""A small process that has imported what the runs need and forks one child at a time for them.

It never runs user code itself and has one thread, so forking it is safe, which it is not in a
process where pytest, rich or ZeroMQ have threads. It leaves when its socket closes, and takes
every descendant with it, also those that left the child's session.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from pytest_racecheck.free.child import run_child
from pytest_racecheck.free.messages import MessageReader, pack
from pytest_racecheck.free.prctl import become_subreaper, kill_group, kill_strays

FD_NAMES = ("stdout", "stderr", "result", "stacks")


def main(fd: int, preload: Sequence[str]) -> None:
    """Serve the socket `fd` until its other end closes; `preload` are modules to import first."""
    connection = socket.socket(fileno=fd)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides when this ends
    become_subreaper()
    for name in preload:
        with contextlib.suppress(ImportError):  # the run that needs it says so better
            importlib.import_module(name)
    with _Server(connection) as server:
        server.serve()


class _Server:
    """The loop: a request with four fds comes in, a pid and later a status go out."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._messages = MessageReader()
        self._fds: list[int] = []
        self._child: int | None = None
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)

    def __enter__(self) -> _Server:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            kill_group(self._child, signal.SIGKILL)
        kill_strays()

    def serve(self) -> None:
        """Until the socket closes."""
        while True:
            ready, _, _ = select.select([self._connection.fileno(), self._wake_read], [], [])
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._reap()
            if self._connection.fileno() in ready and not self._receive():
                return

    def _receive(self) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self._connection, 65_536, len(FD_NAMES))
        except ConnectionError:
            return False
        self._fds += fds  # they come with the first byte of their request, which may come in pieces
        for message in self._messages.feed(data):
            if "signal" in message:
                self._send_signal(message["signal"], group=message["group"])
            else:
                self._fork(message, dict(zip(FD_NAMES, self._fds, strict=True)))
                self._fds = []
        return bool(data)

    def _fork(self, request: dict[str, Any], fds: dict[str, int]) -> None:
        assert self._child is None, "the parent asks for one run at a time"
        here = os.getpid()
        pid = os.fork()
        if pid == 0:
            for fd in (self._wake_read, self._wake_write):
                os.close(fd)
            self._connection.close()
            run_child(request, fds, parent=here)
        self._child = pid
        for fd in fds.values():
            os.close(fd)
        self._say({"pid": pid})

    def _reap(self) -> None:
        if self._child is None:
            return
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._child, flags) is None:
            return
        kill_group(self._child, signal.SIGKILL)  # before the pid can be given to somebody else
        _, status = os.waitpid(self._child, 0)
        self._child = None
        self._say({"status": os.waitstatus_to_exitcode(status), "strays": kill_strays()})

    def _send_signal(self, number: int, *, group: bool) -> None:
        if self._child is None:
            return
        if group:
            kill_group(self._child, number)
        else:
            os.kill(self._child, number)

    def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # the parent is gone: serve() sees it next
            self._connection.sendall(pack(message))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
