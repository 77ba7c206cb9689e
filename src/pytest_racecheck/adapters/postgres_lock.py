"""The lock that psycopg takes around each statement, without scheduling points of its own.

A statement is a scheduling point already; two more around it would multiply the schedules and show
nothing, for only a task that is inside a statement can hold this lock.
"""

from __future__ import annotations

from pytest_racecheck.engine import current_task, wait_until


class StatementLock:
    """Held by the task that is inside a statement of the connection; others wait for it."""

    __racecheck_name__ = "a connection that another task is using"

    def __init__(self) -> None:
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As of ``threading.Lock``."""
        if self._held and current_task() is not None and blocking:
            limit_s = None if timeout < 0 else timeout
            if not wait_until(lambda: not self._held, "use", self, timeout_s=limit_s):
                return False
        if self._held:
            return False
        self._held = True
        return True

    def release(self) -> None:
        """As of ``threading.Lock``."""
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self._held = False

    def locked(self) -> bool:
        """As of ``threading.Lock``."""
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
