"""Sees, in one execution, which sources of chance the code under test asks, and where.

A profile function sees every call, of C functions too, whatever name they were imported by.  It is
slow, so that it runs in single executions only.
"""

from __future__ import annotations

import datetime
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType, ModuleType
from typing import Any

from pytest_racecheck.engine.failure import is_internal, place
from pytest_racecheck.engine.foreign import is_inert

RANDOM, URANDOM, UUID = "random draws", "os.urandom or secrets", "uuid"
CLOCK, IDENTITY, HASH = "a clock", "id()", "hash()"
FILES, PROCESS_ID, THREAD_ID = "the order of files in a folder", "the process id", "a thread id"
SUBPROCESS, NETWORK, SIGNAL = "another process", "the network", "a signal"
COLLECTOR, ENVIRONMENT = "the garbage collector", "the environment"

#: module of a function -> what it asks
_MODULES = {
    "random": RANDOM,
    "_random": RANDOM,
    "secrets": URANDOM,
    "uuid": UUID,
    "_uuid": UUID,
    "subprocess": SUBPROCESS,
    "socket": NETWORK,
    "_socket": NETWORK,
    "signal": SIGNAL,
    "_signal": SIGNAL,
    "weakref": COLLECTOR,
    "gc": COLLECTOR,
    "tempfile": RANDOM,
    "time": CLOCK,
    "glob": FILES,
}
#: name of a function -> what it asks, whatever module it says it is from
_FUNCTIONS = {
    "urandom": URANDOM,
    "getrandom": URANDOM,
    "id": IDENTITY,
    "hash": HASH,
    "listdir": FILES,
    "scandir": FILES,
    "iterdir": FILES,
    "walk": FILES,
    "getpid": PROCESS_ID,
    "get_native_id": THREAD_ID,
    "get_ident": THREAD_ID,
    "popen": SUBPROCESS,
    "system": SUBPROCESS,
    "getenv": ENVIRONMENT,
}
#: Where these functions are from; those of a thread's numbers are ours, standing in.
_WHERE = ("builtins", "posix", "nt", "os", "_thread", "pathlib", "pytest_racecheck")
_CLOCKS = (datetime.datetime, datetime.date)
#: Of ``time``, those that a controlled task does not get virtual time from, or that are no clocks.
_NO_CLOCKS = ("sleep", "strptime", "mktime", "get_clock_info")


class Witness:
    """``seen`` is what was asked -> the place of the first call; ``scopes`` the modules passed."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.scopes: dict[str, dict[str, Any]] = {}
        self._read: set[CodeType] = set()

    def call(self, body: Callable[[], object]) -> object:
        """Call ``body`` and see what it does, in the threads that it starts, too."""
        if sys.getprofile() is not None:  # somebody else is profiling: not ours to disturb
            return body()
        before = threading.getprofile()
        threading.setprofile(self._notice)
        sys.setprofile(self._notice)
        try:
            return body()
        finally:
            sys.setprofile(None)
            threading.setprofile(before)

    def _notice(self, frame: FrameType, event: str, arg: Any) -> None:
        filename = frame.f_code.co_filename
        if event == "c_call":
            if not is_internal(filename):
                self._add(_asked(arg), frame)
        elif event == "call":
            caller = frame.f_back
            if not is_internal(filename):
                self._read_names(frame)
            elif caller is not None and not is_internal(caller.f_code.co_filename):
                module = str(frame.f_globals.get("__name__"))
                self._add(_named(module, frame.f_code.co_name), caller)
                if module == "os" and "_Environ" in frame.f_code.co_qualname:
                    self._add(ENVIRONMENT, caller)

    def _read_names(self, frame: FrameType) -> None:
        """What a function names, for what is asked without a call."""
        code, scope = frame.f_code, frame.f_globals
        if code in self._read:
            return
        self._read.add(code)
        self.scopes.setdefault(str(scope.get("__name__")), scope)
        named = [scope.get(name) for name in code.co_names]
        modules = [getattr(one, "__name__", "") for one in named if isinstance(one, ModuleType)]
        modules += [str(getattr(one, "__module__", "")) for one in named]
        if any(module in ("gc", "weakref", "_weakref") for module in modules):
            self._add(COLLECTOR, frame)

    def _add(self, what: str | None, frame: FrameType) -> None:
        if what is not None and what not in self.seen:
            self.seen[what] = place(frame.f_code.co_filename, frame.f_lineno)


def _asked(function: Any) -> str | None:
    owner = getattr(function, "__self__", None)
    name = str(getattr(function, "__name__", ""))
    if isinstance(owner, type) and issubclass(owner, _CLOCKS):
        return CLOCK if name in ("now", "utcnow", "today") else None
    module = getattr(function, "__module__", None) or type(owner).__module__
    return _named(str(module), name)


def _named(module: str, name: str) -> str | None:
    module = module.partition(".")[0]
    if name in _FUNCTIONS and module in _WHERE:
        return _FUNCTIONS[name]
    if module == "threading":
        return _FUNCTIONS.get(name)
    if module == "time" and name in _NO_CLOCKS:
        return None
    return _MODULES.get(module)


def repeating_timers() -> list[str]:
    """Timers of the operating system that send this process signals, again and again."""
    timers = {"ITIMER_REAL": "SIGALRM", "ITIMER_VIRTUAL": "SIGVTALRM", "ITIMER_PROF": "SIGPROF"}
    armed = [timer for timer in timers if signal.getitimer(getattr(signal, timer))[1] > 0]
    return [f"{SIGNAL}: {timers[timer]} comes from a timer" for timer in armed]


def others_alive() -> list[str]:
    """Which threads of the user there are that run beside this one; call it between executions."""
    found = []
    for key, frame in sys._current_frames().items():
        if is_inert(frame):
            continue
        at: FrameType | None = frame
        while at is not None and is_internal(at.f_code.co_filename):
            at = at.f_back
        if at is not None and key != threading.get_ident():
            where = place(at.f_code.co_filename, at.f_lineno)
            found.append(f"a thread that is not controlled, at {where}")
    return found


def environment() -> dict[str, str]:
    """The environment, without what pytest itself keeps there."""
    return {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
