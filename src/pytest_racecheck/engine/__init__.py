"""The engine: runs a body under schedules it decides, and knows neither pytest nor sockets."""

from __future__ import annotations

from pytest_racecheck.engine import happens_before
from pytest_racecheck.engine.task import Task, Unwind
from pytest_racecheck.engine.verbs import current_task, now_s, switch, wait_until

__all__ = [
    "Task",
    "Unwind",
    "current_task",
    "happens_before",
    "now_s",
    "switch",
    "wait_until",
]
