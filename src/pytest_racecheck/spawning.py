"""What the ``racecheck`` fixture is: named tasks and their results; delays, faults and meetings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pytest_racecheck import faults
from pytest_racecheck.engine.under_test import calls_the_user
from pytest_racecheck.errors import UsageError

if TYPE_CHECKING:
    from pytest_racecheck.diagnosis.stress import Stressed


class _Armed(Protocol):
    def disarm(self, *, complain: bool = True) -> None: ...


_Kind = TypeVar("_Kind", bound=_Armed)


class Spawned(threading.Thread):
    """One task; ``result`` is what its function returned."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, name: str | None
    ) -> None:
        super().__init__(name=name)
        self._call = (function, args, kwargs)
        self.result: Any = None

    @calls_the_user
    def run(self) -> None:
        """Call the function and keep its result."""
        function, args, kwargs = self._call
        self.result = function(*args, **kwargs)


class Spawner:
    """The tasks of one execution of a test, and what it injects until its end."""

    def __init__(self) -> None:
        self._tasks: list[Spawned] = []
        self._armed: list[_Armed] = []

    def spawn(
        self, function: Callable[..., Any], *args: Any, name: str | None = None, **kwargs: Any
    ) -> Spawned:
        """Start ``function(*args, **kwargs)`` as a task called ``name`` (default: its own name)."""
        called = name or getattr(function, "__name__", None)
        task = Spawned(function, args, kwargs, called)
        self._tasks.append(task)
        task.start()
        return task

    def join(self, timeout: float | None = None) -> None:
        """Wait for every task started so far; ``timeout`` in (virtual) seconds for each."""
        for task in self._tasks:
            task.join(timeout)

    def delay(self, where: str, ms: Any, **options: Any) -> faults.Delay:
        """As ``pytest_racecheck.delay``, until the end of the test."""
        return self._until_the_end(faults.delay(where, ms, **options))

    def fault(self, where: str, exc: Any, **options: Any) -> faults.Fault:
        """As ``pytest_racecheck.fault``, until the end of the test."""
        return self._until_the_end(faults.fault(where, exc, **options))

    def barrier(self, where: str, n: int, **options: Any) -> faults.Meeting:
        """As ``pytest_racecheck.barrier``, until the end of the test."""
        return self._until_the_end(faults.barrier(where, n, **options))

    def order(self, places: Sequence[Any], **options: Any) -> faults.Order:
        """As ``pytest_racecheck.order``, until the end of the test."""
        return self._until_the_end(faults.order(places, **options))

    def hold(self, where: str, **options: Any) -> faults.Hold:
        """As ``pytest_racecheck.hold``, until the end of the test."""
        return self._until_the_end(faults.hold(where, **options))

    def freeze(self, process: Any, s: float | None = None, **options: Any) -> Any:
        """As ``pytest_racecheck.freeze``; what is still frozen at the end of the test goes on."""
        made = faults.freeze(process, s, **options)
        return made if made is None else self._until_the_end(made)

    def kill(self, process: Any, *number: int, **options: Any) -> Any:
        """As ``pytest_racecheck.kill``."""
        made = faults.kill(process, *number, **options)
        return made if made is None else self._until_the_end(made)

    def stress(self, body: Callable[..., object], **arguments: Any) -> Stressed:
        """As ``pytest_racecheck.stress``; the test is to be marked ``racecheck(free=True)``."""
        from pytest_racecheck.diagnosis.stress import stress

        return stress(body, **arguments)

    def _until_the_end(self, armed: _Kind) -> _Kind:
        self._armed.append(armed)
        return armed

    def close(self) -> None:
        """Called at the end of the test: tasks that were not joined are waited for.

        Then everything injected is taken away; raises NeverFired if one of them never fired, and
        nobody counts over several executions.
        """
        try:
            for task in self._tasks:
                if task.is_alive():
                    task.join()
        finally:
            self._disarm()

    def _disarm(self) -> None:
        first: UsageError | None = None
        while self._armed:
            try:
                self._armed.pop().disarm(complain=first is None)
            except UsageError as error:
                first = first or error
        if first is not None:
            raise first
