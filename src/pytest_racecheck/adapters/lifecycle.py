"""Births and ends under control: ``Thread.start``, ``join``, raw threads, ``os._exit``."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, MethodType
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.execution import Execution, controlled, set_active
from pytest_racecheck.engine.failure import TaskFailure, place, user_frame
from pytest_racecheck.engine.happens_before import joined
from pytest_racecheck.engine.task import Task, Unwind

if TYPE_CHECKING:
    from pytest_racecheck.engine.carrier import Carrier
    from pytest_racecheck.engine.greenlets import GreenCarrier

_start = threading.Thread.start
_join = threading.Thread.join
_is_alive = threading.Thread.is_alive
_start_raw = _thread.start_new_thread
_os_exit = os._exit
_fork: Callable[[], int] = getattr(os, "fork", lambda: -1)
_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
_make_handle = getattr(_thread, "_make_thread_handle", None)  # 3.13 and later


class ProcessExit(AssertionError):
    """The body called ``os._exit``, which would have ended the test process without a word."""

    racecheck_kind = "exit"


def _start_controlled(self: Any) -> None:
    found = controlled()
    if found is None:
        _start(self)
        return
    execution, task = found
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    if self._started._flag:
        raise RuntimeError("threads can only be started once")
    if task.doomed:
        raise Unwind
    child = execution.spawn(task, self._name, lambda: _run_thread(self, child.carrier))
    child.thread, child.daemon = self, self._daemonic
    child.cut_short = lambda: _cut_short(self)
    if child.daemon:
        child.born_at = _user_place(sys._getframe(1))
    self._racecheck_task = child
    self._ident = child.carrier.key
    _active[child.carrier.key] = self
    self._started._flag = True
    if _make_handle is not None:
        self._handle = _make_handle(child.carrier.key)
    if execution.trace is not None:
        task.pending = ("start", self, None)
        execution.note(task)


def _run_thread(thread: Any, carrier: Carrier | GreenCarrier) -> None:
    """What ``Thread._bootstrap_inner`` does around ``run``, without its locks."""
    thread._native_id = carrier.native_id
    profile = threading.getprofile()
    if profile is not None:
        sys.setprofile(profile)
    try:
        thread.run()
    except SystemExit:
        pass  # as in any thread: it ends the thread, silently
    except Unwind:
        raise
    except BaseException:
        if not _handled_by_the_user(thread):
            raise
    finally:
        if profile is not None:
            sys.setprofile(None)  # the next task in this carrier is not looked at
        _active.pop(carrier.key, None)
        _mark_ended(thread)


def _cut_short(thread: Any) -> None:
    key = thread._ident
    if _active.get(key) is thread:
        del _active[key]
    _mark_ended(thread)


def _mark_ended(thread: Any) -> None:
    if _make_handle is not None:
        thread._handle._set_done()
    else:
        thread._is_stopped = True
        thread._tstate_lock = None


def _handled_by_the_user(thread: Any) -> bool:
    """A test that installs its own ``threading.excepthook`` has said who judges exceptions."""
    hook = threading.excepthook
    module = getattr(hook, "__module__", "") or ""
    inner = getattr(getattr(hook, "func", None), "__module__", "") or ""
    if hook is threading.__excepthook__ or "_pytest" in module or "_pytest" in inner:
        return False
    hook(threading.ExceptHookArgs((*sys.exc_info(), thread)))
    return True


def _join_controlled(self: Any, timeout: float | None = None) -> None:
    found = controlled()
    target: Task | None = getattr(self, "_racecheck_task", None)
    if found is None or not self._initialized or not self._started._flag:
        _join(self, timeout)
        return
    execution, task = found
    if _active.get(task.carrier.key) is self:
        raise RuntimeError("cannot join current thread")
    if task.doomed and target is not None and target.done:
        return
    if target is None or target not in execution.tasks:
        _join_foreign(execution, task, self, timeout)
        return
    if execution.wait_until(task, lambda: target.done, "join", self, timeout):
        joined(execution, task, target)


def _join_foreign(execution: Execution, task: Task, thread: Any, timeout: float | None) -> None:
    if _is_alive(thread):
        execution.wait_until(
            task, lambda: not _is_alive(thread), "join", thread, timeout, outside=True
        )


def _is_alive_controlled(self: Any) -> bool:
    found = controlled()
    own: Task | None = getattr(self, "_racecheck_task", None)
    if found is not None and not found[1].doomed:
        found[0].look(found[1], self)
        if own is not None and own.done and own in found[0].tasks:
            joined(*found, own)
    if _make_handle is None and own is not None:
        # Before 3.13 the real one asks a lock of the thread's, which our tasks do not have.
        return bool(self._started._flag and not self._is_stopped)
    return _is_alive(self)


def _start_raw_controlled(
    _: object,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
) -> int:
    found = controlled()
    if found is None:
        return _start_raw(function, args, kwargs or {})
    execution, task = found
    if task.doomed:
        raise Unwind

    def run() -> None:
        try:
            function(*args, **(kwargs or {}))
        except SystemExit:
            pass
        finally:
            _active.pop(child.carrier.key, None)

    child = execution.spawn(task, getattr(function, "__name__", "thread"), run)
    child.daemon = True  # the interpreter never waits for such a thread
    return child.carrier.key


def _os_exit_controlled(_: object, status: int) -> None:
    found = controlled()
    if found is None or found[0].pid != os.getpid():
        _os_exit(status)
    assert found is not None
    execution, task = found
    error = ProcessExit(f"os._exit({status}) was called, which ends the process without a word")
    if not task.doomed:
        # Written down at once: the body may catch it, which it could not do with the real one.
        where = _user_place(sys._getframe(1))
        failure = TaskFailure("exit", "ProcessExit", str(error), where, task.path, error)
        execution.failures.append(failure)
    raise error


def _user_place(frame: FrameType) -> str:
    found = user_frame(frame)
    return "unknown" if found is None else place(found.f_code.co_filename, found.f_lineno)


def _fork_controlled(_: object) -> int:
    found = controlled()
    if found is None:
        return _fork()
    where = _user_place(sys._getframe(1))
    # Off before the fork: in the child, Python's own handlers take locks, and the threads that
    # would hand the baton back are not there.
    set_active(None)
    pid = -1
    try:
        pid = _fork()
    finally:
        if pid != 0:
            set_active(found[0])
    if pid != 0:
        found[0].uncontrolled.append(
            f"the body forked a process at {where}, and what that does is not under control"
        )
    return pid


def note_uncontrolled(execution: Execution, before: frozenset[int]) -> None:
    """Write down threads that appeared during an execution and were not under control."""
    for key, thread in list(_active.items()):
        if key not in before and thread.is_alive():
            execution.uncontrolled.append(f"thread {thread.name!r} was not under control")


#: What stands in for the functions below ``Thread``; bound, so that no class makes methods of them.
RAW: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (_start_raw, MethodType(_start_raw_controlled, _thread)),
    (_os_exit, MethodType(_os_exit_controlled, os)),
    (_fork, MethodType(_fork_controlled, os)),
]


@contextmanager
def controlled_lifecycle() -> Iterator[None]:
    """Threads that a controlled task starts are controlled while entered."""
    names = threading._counter  # type: ignore[attr-defined]
    threading.Thread.start = _start_controlled  # type: ignore[method-assign]
    threading.Thread.join = _join_controlled  # type: ignore[method-assign]
    threading.Thread.is_alive = _is_alive_controlled  # type: ignore[method-assign]
    try:
        yield
    finally:
        threading.Thread.start = _start  # type: ignore[method-assign]
        threading.Thread.join = _join  # type: ignore[method-assign]
        threading.Thread.is_alive = _is_alive  # type: ignore[method-assign]
        threading._counter = names  # type: ignore[attr-defined]
