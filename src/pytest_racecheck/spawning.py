"""What the ``racecheck`` fixture is: start named tasks, wait for them, read their results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pytest_racecheck.engine.under_test import calls_the_user


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
    """The tasks of one execution of a test."""

    def __init__(self) -> None:
        self._tasks: list[Spawned] = []

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

    def close(self) -> None:
        """Called at the end of the test: tasks that were not joined are waited for."""
        for task in self._tasks:
            if task.is_alive():
                task.join()
