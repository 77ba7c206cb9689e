"""``_thread.RLock`` under control, whenever and wherever made: the same gates, with an owner.

The real lock knows its owner by OS thread.  Tasks on greenlets are all the same one to it, so that
there the engine's own book of owners decides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_racecheck.adapters.locks import gave, is_internal, makes_sense, take_while_ending, took
from pytest_racecheck.adapters.type_gates import replaced_methods
from pytest_racecheck.engine.carrier import RLockType
from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.task import Task, Unwind

_r_acquire = RLockType.__dict__["acquire"]
_r_release = RLockType.__dict__["release"]
_r_is_owned = RLockType.__dict__["_is_owned"]
_r_recursion_count = RLockType.__dict__["_recursion_count"]
_r_release_save = RLockType.__dict__["_release_save"]
_r_acquire_restore = RLockType.__dict__["_acquire_restore"]


def _acquire_r(lock: Any, blocking: bool = True, timeout: float = -1) -> bool:
    found = controlled()
    if found is None or (timeout != -1 and not makes_sense(blocking, timeout)):
        return bool(_r_acquire(lock, blocking, timeout))
    execution, task = found
    owner = execution.owners.get(id(lock))
    if owner is not None and owner[0] is task:
        return bool(_r_acquire(lock, False))  # taken once more: never waits
    if task.doomed:
        return _take_r_while_ending(execution, task, lock, blocking)
    if not blocking:
        execution.switch(task, "try acquire", lock)
    else:
        limit = None if timeout == -1 else timeout
        if not _wait_for_r(execution, task, lock, "acquire", limit):
            return False
    while not _try_r(execution, task, lock):
        if not blocking:
            return False
        execution.wait_until(task, lambda: _unlocked_text(lock), "acquire", lock, None, True)
    took(execution, task, lock)
    return True


def _take_r_while_ending(execution: Execution, task: Task, lock: Any, blocking: bool) -> bool:
    got = take_while_ending(_try_r(execution, task, lock), blocking)
    if got:
        execution.owners[id(lock)] = (task, lock)
    return got


def _try_r(execution: Execution, task: Task, lock: Any) -> bool:
    """To the real lock, tasks that share an OS thread are all the same one."""
    if execution.pool.on_greenlets and not _may_take_r(execution, task, lock):
        return False
    return bool(_r_acquire(lock, False))


def _may_take_r(execution: Execution, task: Task, lock: Any) -> bool:
    owner = execution.owners.get(id(lock))
    if owner is not None:
        return owner[0] is task
    return task.index == 0 or not _r_recursion_count(lock)  # else taken before the body began


def _is_anothers(found: tuple[Execution, Task] | None, lock: Any) -> bool:
    """Whether the real lock, asked in this OS thread, takes the calling task for its owner."""
    if found is None or not found[0].pool.on_greenlets or not _r_recursion_count(lock):
        return False
    owner = found[0].owners.get(id(lock))
    return found[1].index != 0 if owner is None else owner[0] is not found[1]


def _is_owned_r(lock: Any) -> bool:
    return bool(_r_is_owned(lock)) and not _is_anothers(controlled(), lock)


def _recursion_count_r(lock: Any) -> int:
    return 0 if _is_anothers(controlled(), lock) else int(_r_recursion_count(lock))


def _wait_for_r(
    execution: Execution, task: Task, lock: Any, label: str, timeout_s: float | None
) -> bool:
    owners, key = execution.owners, id(lock)
    if execution.lock_order is not None:
        execution.lock_order.wants(task, lock, timeout_s)
    return execution.wait_until(task, lambda: key not in owners, label, lock, timeout_s)


def _unlocked_text(lock: Any) -> bool:
    return repr(lock).startswith("<unlocked")  # all that an RLock of another thread tells


def _release_r(lock: Any) -> None:
    found = controlled()
    if _holds_last(found, lock):
        assert found is not None
        execution, task = found
        if not task.doomed and not is_internal(sys._getframe(1)):
            execution.switch(task, "release", lock)
        gave(execution, task, lock)
    _r_release(lock)


def _exit_r(lock: Any, *_: object) -> None:
    found = controlled()
    if _holds_last(found, lock):
        assert found is not None
        execution, task = found
        if not task.doomed and not is_internal(sys._getframe(1)):
            execution.switch(task, "release", lock)
        gave(execution, task, lock)
    _r_release(lock)


def _holds_last(found: tuple[Execution, Task] | None, lock: Any) -> bool:
    if found is None:
        return False
    if _is_anothers(found, lock):
        raise RuntimeError("cannot release un-acquired lock")
    return bool(_r_recursion_count(lock) == 1)


def _release_save(lock: Any) -> Any:
    found = controlled()
    if found is not None:
        gave(found[0], found[1], lock)
    return _r_release_save(lock)


def _acquire_restore(lock: Any, state: Any) -> None:
    found = controlled()
    if found is None:
        _r_acquire_restore(lock, state)
        return
    execution, task = found
    if task.doomed:
        # The exception that ends this task passes through Condition.wait; nobody else holds it
        # for longer than it takes the others to end, so take it only when it is free.
        if id(lock) in execution.owners:
            raise Unwind
    else:
        _wait_for_r(execution, task, lock, "acquire", None)
    _r_acquire_restore(lock, state)
    took(execution, task, lock)


RLOCK_GATES: dict[str, Callable[..., Any]] = {
    "acquire": _acquire_r,
    "__enter__": _acquire_r,
    "release": _release_r,
    "__exit__": _exit_r,
    "_is_owned": _is_owned_r,
    "_recursion_count": _recursion_count_r,
    "_release_save": _release_save,
    "_acquire_restore": _acquire_restore,
}


@contextmanager
def controlled_rlocks() -> Iterator[None]:
    """Every RLock of the process goes through its gate while entered."""
    with replaced_methods(RLockType, RLOCK_GATES):
        yield
