"""``selectors`` under control: an event loop inside a task waits at a gate, not in the kernel."""

from __future__ import annotations

import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.task import Task, Unwind

_KINDS = [
    kind
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "KqueueSelector")
    if (kind := getattr(selectors, name, None)) is not None and "select" in vars(kind)
]


def _let_others_go_first(execution: Execution, task: Task, selector: object) -> None:
    if not task.doomed:
        try:
            execution.switch(task, "poll", selector)
        except Unwind:
            return  # a loop that ends still cancels its tasks; it ends where it has to wait


def _gate(original: Any) -> Any:
    def select(self: Any, timeout: float | None = None) -> Any:
        found = controlled()
        if found is None:
            return original(self, timeout)
        execution, task = found
        if not execution.needs:
            execution.needs.append("a selector waits, perhaps that of an event loop")
        if timeout is not None and timeout <= 0:
            _let_others_go_first(execution, task, self)
            return original(self, 0)
        if task.doomed:
            raise Unwind
        # One descriptor is an event loop's own wake-up pipe, which only other tasks write to.
        outside = len(self.get_map() or ()) > 1
        execution.wait_until(
            task, lambda: bool(original(self, 0)), "select", self, timeout, outside
        )
        return original(self, 0)

    return select


@contextmanager
def controlled_selectors() -> Iterator[None]:
    """Selectors of controlled tasks go through their gate while entered."""
    before = [(kind, vars(kind)["select"]) for kind in _KINDS]
    for kind, original in before:
        kind.select = _gate(original)
    try:
        yield
    finally:
        for kind, original in before:
            kind.select = original
