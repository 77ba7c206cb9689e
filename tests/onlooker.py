"""A decider that never preempts, and notes what a variable holds when a task stands before it.

In a file of its own, because code under test has gates, and what looks on must have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_racecheck.engine.task import Task


class Onlooker:
    """``seen`` are the operations on ``name``, each with its value at that moment."""

    def __init__(self, scope: dict[str, Any], name: str) -> None:
        self._scope, self._name = scope, name
        self.seen: list[tuple[str, Any]] = []

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        return current or (enabled or late)[0]

    def performed(self, task: Task) -> None:
        verb, _, name = task.pending[0].partition(" ")
        if name == self._name:
            self.seen.append((verb, self._scope[name]))
