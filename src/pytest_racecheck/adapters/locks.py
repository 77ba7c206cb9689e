"""Locks under control: every ``_thread.lock``, whenever and wherever made (RLocks: rlocks.py).

Because one task moves at a time, a real lock's own state is its model: a task waits at its gate
until the lock is free, and then the real acquire cannot block.  ``Condition``, ``Event``,
``Semaphore``, ``Barrier``, ``queue.Queue``, ``Timer`` and executors are Python code over these
locks, so they are controlled by being run.
"""

from __future__ import annotations

import concurrent.futures._base
import concurrent.futures.thread
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from pytest_racecheck.adapters.type_gates import meant, replaced_methods
from pytest_racecheck.engine import execution as engine
from pytest_racecheck.engine.carrier import (
    LockType,
    RLockType,
    current_key,
    raw_acquire,
    raw_locked,
    raw_release,
)
from pytest_racecheck.engine.choosing import choose
from pytest_racecheck.engine.dependence import LOCK, RELEASE
from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.failure import place, user_frame
from pytest_racecheck.engine.happens_before import let_go, take
from pytest_racecheck.engine.looking import frame_locals
from pytest_racecheck.engine.task import Task, Unwind

_WAIT = threading.Condition.wait.__code__
_IS_OWNED = threading.Condition._is_owned.__code__  # type: ignore[attr-defined]
_COND_EXIT = threading.Condition.__exit__.__code__
_INTERNAL = tuple(
    id(vars(module))
    for module in (threading, queue, concurrent.futures._base, concurrent.futures.thread)
)
_BOUND_AT_BIRTH = ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned")


# --- _thread.lock -----------------------------------------------------------------------------


def _acquire(lock: Any, blocking: bool = True, timeout: float = -1) -> bool:
    execution = engine.active
    if execution is not None:
        task = execution.by_key.get(current_key())
        if task is not None and (execution.current is task or task.outside):
            return _take_lock(execution, task, lock, blocking, timeout, meant(sys._getframe(1)))
    return bool(raw_acquire(lock, blocking, timeout))


def _enter(lock: Any) -> bool:
    execution = engine.active
    if execution is not None:
        task = execution.by_key.get(current_key())
        if task is not None and (execution.current is task or task.outside):
            return _take_in_with(execution, task, lock)
    return bool(raw_acquire(lock))


def _take_in_with(execution: Execution, task: Task, lock: Any) -> bool:
    """``with lock``, the most frequent operation; nothing inside ``threading`` takes one so."""
    if task.doomed:
        return take_while_ending(raw_acquire(lock, False), True)
    if execution.lock_order is not None:
        execution.lock_order.wants(task, lock, None)
    execution.wait_for(task, lambda: not raw_locked(lock), "acquire", lock)
    if not raw_acquire(lock, False):
        _held_outside(execution, task, lock)
    took(execution, task, lock)
    return True


def _take_lock(
    execution: Execution, task: Task, lock: Any, blocking: bool, timeout: float, frame: FrameType
) -> bool:
    if timeout != -1 and not makes_sense(blocking, timeout):
        return bool(raw_acquire(lock, blocking, timeout))  # raises what the real one raises
    if frame.f_code is _WAIT and not raw_locked(lock):
        return bool(raw_acquire(lock))  # the waiter's own new lock: nobody else knows it yet
    if frame.f_code is _IS_OWNED:
        return bool(raw_acquire(lock, False))  # asks about its own lock: not an operation
    if task.doomed:
        return take_while_ending(raw_acquire(lock, False), blocking)
    if not blocking:
        execution.switch(task, "try acquire", lock)
    elif not _wait_for_lock(execution, task, lock, timeout, frame):
        return False
    got = bool(raw_acquire(lock, False)) or (blocking and _held_outside(execution, task, lock))
    if got:
        took(execution, task, lock)
    return got


def _wait_no_longer(frame: FrameType, waiter: Any) -> None:
    # Condition.wait would do it, if it could have the lock, which another stuck task may hold.
    waiters = frame_locals(frame)["self"]._waiters
    if any(waiter is one for one in waiters):
        waiters.remove(waiter)


def _wait_for_lock(
    execution: Execution, task: Task, lock: Any, timeout: float, frame: FrameType
) -> bool:
    limit = None if timeout == -1 else timeout
    if execution.lock_order is not None and frame.f_code is not _WAIT:
        execution.lock_order.wants(task, lock, limit)
    if frame.f_code is not _WAIT:
        return execution.wait_until(task, lambda: not raw_locked(lock), "acquire", lock, limit)
    try:
        return execution.wait_until(task, lambda: not raw_locked(lock), "wait", lock, limit)
    except Unwind:
        _wait_no_longer(frame, lock)
        raise


def makes_sense(blocking: bool, timeout: object) -> bool:
    within = isinstance(timeout, (int, float)) and 0 <= timeout <= threading.TIMEOUT_MAX
    return bool(blocking) and within


def _held_outside(execution: Execution, task: Task, lock: Any) -> bool:
    # Taken between the look and the acquire: a thread that is not ours uses it as well.
    while not raw_acquire(lock, False):
        execution.wait_until(task, lambda: not raw_locked(lock), "acquire", lock, None, True)
    return True


def take_while_ending(got: bool, blocking: bool) -> bool:
    if blocking and not got:
        raise Unwind
    return got


def took(execution: Execution, task: Task, lock: Any) -> None:
    execution.owners[id(lock)] = (task, lock)
    if execution.clocks is not None:
        take(execution, task, id(lock))
    if execution.lock_order is not None:
        execution.lock_order.took(task, lock)
    if execution.trace is not None:
        frame = user_frame(sys._getframe(2))
        if frame is not None:
            execution.held_at[id(lock)] = place(frame.f_code.co_filename, frame.f_lineno)


def _release(lock: Any) -> None:
    found = controlled()
    if found is not None:
        execution, task = found
        if not task.doomed and not is_internal(sys._getframe(1)):
            execution.switch(task, "release", lock)
        gave(execution, task, lock)
    raw_release(lock)


def _exit(lock: Any, *_: object) -> None:
    execution = engine.active
    if execution is not None:
        task = execution.by_key.get(current_key())
        if task is not None and (execution.current is task or task.outside):
            if not task.doomed and not is_internal(sys._getframe(1)):
                execution.switch(task, "release", lock)
            gave(execution, task, lock)
    raw_release(lock)


def gave(execution: Execution, task: Task, lock: Any) -> None:
    execution.owners.pop(id(lock), None)
    execution.enabled = None
    if execution.touched is not None:
        execution.touched(lock, LOCK, RELEASE)
    if execution.clocks is not None:
        let_go(execution, task, id(lock))
        if execution.data_races is not None:
            execution.data_races.keep(lock)
    if execution.lock_order is not None:
        execution.lock_order.gave(task, lock)


def is_internal(frame: FrameType) -> bool:
    """Whether a release is a step inside queue.Queue, Event, ...: nobody can try in between."""
    frame = meant(frame)
    if frame.f_code is _COND_EXIT and frame.f_back is not None:
        frame = frame.f_back
    return id(frame.f_globals) in _INTERNAL


def _locked(lock: Any) -> bool:
    found = controlled()
    if found is not None and not found[1].doomed:
        found[0].look(found[1], lock)
    return bool(raw_locked(lock))


# --- Condition --------------------------------------------------------------------------------

_notify = threading.Condition.notify
_NOTIFY_ALL = (threading.Condition.notify_all.__code__, threading.Condition.notifyAll.__code__)


def _notify_chosen(self: Any, n: int = 1) -> None:
    """``Condition.notify``; which of several waiters wakes is a recorded choice."""
    found = controlled()
    if found is not None and not found[1].doomed:
        execution = found[0]
        waiters = self._waiters
        if 0 < n < len(waiters):
            for at in range(n):
                _bring_forward(execution, waiters, at)
        elif not waiters:
            _heard_by_nobody(execution, self, sys._getframe(1))
    _notify(self, n)


def _heard_by_nobody(execution: Execution, condition: Any, frame: FrameType | None) -> None:
    while frame is not None and frame.f_code in _NOTIFY_ALL:
        frame = frame.f_back
    if frame is not None and id(frame.f_globals) not in _INTERNAL:
        where = place(frame.f_code.co_filename, frame.f_lineno)
        execution.early_notifies.append((condition, where))


def _bring_forward(execution: Execution, waiters: Any, at: int) -> None:
    by_lock = {id(task.pending[1]): task for task in execution.live if task.pending[0] == "wait"}
    options = [by_lock[id(w)] for w in list(waiters)[at:] if id(w) in by_lock]
    if len(options) < 2:
        return
    chosen = choose(execution, sorted(options, key=lambda task: task.index))
    lock = chosen.pending[1]
    waiters.remove(lock)
    waiters.insert(at, lock)


@contextmanager
def _rebound(conditions: list[threading.Condition]) -> Iterator[None]:
    """Conditions made before now hold their lock's own C methods: bind them anew, then back."""
    before: list[tuple[Any, dict[str, Any]]] = []
    for condition in conditions:
        own = vars(condition)
        bound = {name: own[name] for name in _BOUND_AT_BIRTH if name in own}
        if bound and isinstance(own.get("_lock"), (LockType, RLockType)):
            before.append((condition, bound))
    try:
        for condition, bound in before:
            for name in bound:
                setattr(condition, name, getattr(condition._lock, name))
        yield
    finally:
        for condition, bound in before:
            vars(condition).update(bound)


# --- Event ------------------------------------------------------------------------------------

_is_set = threading.Event.is_set


def _is_set_controlled(self: Any) -> bool:
    """``Event.is_set``; what happened before it was set is seen by whoever sees it set."""
    found = controlled()
    if found is None or found[1].doomed or id(sys._getframe(1).f_globals) in _INTERNAL:
        return _is_set(self)
    execution, task = found
    execution.look(task, self)
    answer = _is_set(self)
    if answer and execution.clocks is not None:
        take(execution, task, id(self._cond._lock))
    return answer


LOCK_GATES: dict[str, Callable[..., Any]] = {
    "acquire": _acquire,
    "acquire_lock": _acquire,
    "__enter__": _enter,
    "release": _release,
    "release_lock": _release,
    "__exit__": _exit,
    "locked": _locked,
    "locked_lock": _locked,
}


@contextmanager
def controlled_locks(conditions: list[threading.Condition]) -> Iterator[None]:
    """Every plain lock goes through its gate while entered; ``conditions`` exist now."""
    with ExitStack() as stack:
        stack.enter_context(replaced_methods(LockType, LOCK_GATES))
        stack.enter_context(_rebound(conditions))
        threading.Condition.notify = _notify_chosen  # type: ignore[method-assign]
        threading.Event.is_set = _is_set_controlled  # type: ignore[method-assign]
        try:
            yield
        finally:
            threading.Condition.notify = _notify  # type: ignore[method-assign]
            threading.Event.is_set = _is_set  # type: ignore[method-assign]
