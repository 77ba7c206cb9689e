"""pytest-racecheck: explore, replay and explain the thread schedules of ordinary Python code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_racecheck.catalogue.run_here import run_scenario
    from pytest_racecheck.diagnosis import (
        Explanation,
        Failure,
        Finding,
        Verdict,
        explore,
        nearmiss,
        replay,
    )
    from pytest_racecheck.diagnosis.stress import stress
    from pytest_racecheck.faults import barrier, delay, fault, freeze, hold, kill, order
    from pytest_racecheck.probes import probe

__version__ = "0.1.0"

__all__ = [
    "Explanation",
    "Failure",
    "Finding",
    "Verdict",
    "barrier",
    "delay",
    "explore",
    "fault",
    "freeze",
    "hold",
    "kill",
    "nearmiss",
    "order",
    "probe",
    "replay",
    "run_scenario",
    "stress",
]

_HOME = (
    dict.fromkeys(
        ("Explanation", "Failure", "Finding", "Verdict", "explore", "nearmiss", "replay"),
        "diagnosis",
    )
    | dict.fromkeys(("barrier", "delay", "fault", "freeze", "hold", "kill", "order"), "faults")
    | {"probe": "probes", "stress": "diagnosis.stress", "run_scenario": "catalogue.run_here"}
)


def __getattr__(name: str) -> Any:
    # Resolved late: installing the plugin must cost nothing to those who do not use it.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
