"""The free room: the same body on free threads in child processes, and how often it failed."""

from __future__ import annotations

from pytest_racecheck.free.free_run import ForkServer, Interrupted, Refused, Request
from pytest_racecheck.free.outcome import ChildFailure, Ending, Outcome, last_line
from pytest_racecheck.free.rate import Rate

__all__ = [
    "ChildFailure",
    "Ending",
    "ForkServer",
    "Interrupted",
    "Outcome",
    "Rate",
    "Refused",
    "Request",
    "last_line",
]
