"""The public verbs: what an adapter calls around an operation of its own world."""

from __future__ import annotations

from collections.abc import Callable

from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.engine.task import Task


def current_task() -> Task | None:
    """The calling task, or None when the calling thread is not under control."""
    found = controlled()
    return None if found is None else found[1]


def switch(kind: str, target: object) -> None:
    """A scheduling point before an operation that can go ahead; nothing when not under control."""
    found = controlled()
    if found is not None:
        found[0].switch(found[1], kind, target)


def wait_until(
    ready: Callable[[], bool],
    kind: str,
    target: object,
    *,
    timeout_s: float | None = None,
    outside: bool = False,
) -> bool:
    """A scheduling point; the task is enabled while ``ready()``; False when it timed out.

    ``ready`` is called from any controlled thread: cheap, without side effects, never blocking.
    ``outside``: readiness may change by itself, so the engine polls it before it says deadlock.
    """
    found = controlled()
    assert found is not None, "wait_until needs a controlled task; ask current_task() first"
    execution, task = found
    return execution.wait_until(task, ready, kind, target, timeout_s, outside)


def now_s() -> float:
    """The virtual monotonic clock of the execution, in seconds; 0 when nothing is explored."""
    found = controlled()
    return 0.0 if found is None else found[0].now_s
