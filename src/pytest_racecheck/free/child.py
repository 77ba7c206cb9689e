"""What happens inside one child: its own session, its fds, one call, one message, and out.

Runs in a process just forked by `fork_server`, which has one thread and nothing open but the fds
named here. It never returns and never raises: whatever happens becomes a message or an exit status.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import random
import resource
import signal
import sys
import sysconfig
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.free.messages import pack, write_all
from pytest_racecheck.free.prctl import die_with_parent

STACKS_SIGNAL = signal.SIGUSR2
LONGEST_TRACEBACK = 20_000
_OURS = str(Path(__file__).resolve().parent.parent)
_NOT_THE_USERS = (
    _OURS,
    sysconfig.get_paths()["stdlib"],
    sysconfig.get_paths()["purelib"],
    "<frozen",
)


def run_child(request: dict[str, Any], fds: dict[str, int], *, parent: int) -> NoReturn:
    """Do what `request` asks ("call", "arguments", "path", "folder", "seed", "own") and leave.

    `fds` names the write ends: stdout, stderr, result, stacks.
    """
    status, here = 70, os.getpid()
    try:
        take_over_process(fds, parent)
        failures = Failures(request["own"])
        threading.excepthook = failures.from_thread
        message: dict[str, Any] = {}
        try:
            message["value"] = _call(request)
            _wait_for_threads()
        except RacecheckError as problem:
            message["refused"] = {"message": str(problem), "exit_status": problem.exit_status}
        except BaseException as problem:  # noqa: BLE001 - whatever it is, it is the finding
            failures.add(problem, problem.__traceback__, threading.current_thread().name)
        if os.getpid() != here:  # the body forked, and this is not the one that was asked
            os._exit(0)
        message["failure"] = failures.first
        message["left_over"] = _daemons_alive()
        _flush()
        write_all(fds["result"], pack(message))
        status = 0
    except BaseException:  # noqa: BLE001 - ours: say it where the parent looks, leave with 70
        traceback.print_exc()
        _flush()
    finally:
        os._exit(status)


def take_over_process(fds: dict[str, int], parent: int) -> None:
    """Make the process just forked its own: session, signals, ``fds``, death with its parent."""
    os.setsid()
    die_with_parent(parent)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(fds["stdout"], 1)
    os.dup2(fds["stderr"], 2)
    for fd in (nothing, fds["stdout"], fds["stderr"]):
        os.close(fd)
    for fd in (fds["result"], fds["stacks"]):
        os.set_inheritable(fd, False)
    faulthandler.enable(fds["stacks"], all_threads=True)
    faulthandler.register(STACKS_SIGNAL, fds["stacks"], all_threads=True)


def _call(request: dict[str, Any]) -> Any:
    sys.path[:] = request["path"]
    os.chdir(request["folder"])
    random.seed(request["seed"])
    module_name, _, function_name = request["call"].partition(":")
    function = getattr(importlib.import_module(module_name), function_name)
    return function(**request["arguments"])


def _wait_for_threads() -> None:
    """Wait as the interpreter would at its end; the parent's deadline makes a hang of it."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _daemons_alive() -> list[str]:
    here = threading.current_thread()
    return [thread.name for thread in threading.enumerate() if thread is not here]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # a body may have closed or replaced it: then there is nothing to save
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


class Failures:
    """Remembers the first exception that escaped from any thread."""

    def __init__(self, own_folders: Sequence[str]) -> None:
        self._own_folders = tuple(own_folders)
        self.first: dict[str, str] | None = None
        self._lock = threading.Lock()

    def from_thread(self, args: threading.ExceptHookArgs) -> None:
        """Stand in for `threading.excepthook`; SystemExit ends a thread quietly, as in Python."""
        if isinstance(args.exc_value, SystemExit) or args.exc_value is None:
            return
        name = args.thread.name if args.thread is not None else "unknown thread"
        self.add(args.exc_value, args.exc_traceback, name)

    def add(self, problem: BaseException, trace: TracebackType | None, task: str) -> None:
        """Keep `problem` unless another one came before."""
        theirs = _without_ours(trace, self._own_folders)
        text = "".join(traceback.format_exception(type(problem), problem, theirs))
        with self._lock:
            if self.first is None:
                self.first = {
                    "type": type(problem).__name__,
                    "message": _message_of(problem),
                    "where": _where(trace, self._own_folders),
                    "task": task,
                    "traceback": text[-LONGEST_TRACEBACK:],
                }


def _message_of(problem: BaseException) -> str:
    try:
        return str(problem)
    except Exception as worse:  # noqa: BLE001 - a broken __str__ must not hide the failure
        return f"({type(worse).__name__} while its text was made)"


def _without_ours(
    trace: TracebackType | None, own_folders: tuple[str, ...]
) -> TracebackType | None:
    """The traceback from the first frame that is not ours; all of it when every frame is."""
    theirs = trace
    while theirs is not None:
        name = theirs.tb_frame.f_code.co_filename
        if not name.startswith(_OURS) or (own_folders and name.startswith(own_folders)):
            return theirs
        theirs = theirs.tb_next
    return trace


def _where(trace: TracebackType | None, own_folders: tuple[str, ...]) -> str:
    """Such as "workload.py:13": the innermost line in `own_folders`, else of the user's code."""
    frames = traceback.extract_tb(trace)
    if not frames:
        return "unknown"
    own = [frame for frame in frames if own_folders and frame.filename.startswith(own_folders)]
    users = [frame for frame in frames if not frame.filename.startswith(_NOT_THE_USERS)]
    frame = (own or users or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
