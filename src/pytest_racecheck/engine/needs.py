"""What needs OS threads: seen in an execution, in the process, or asked for by the code."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution


def of_process() -> str | None:
    """A tracer, whom a switch of greenlets inside its callback would silence; or None."""
    every: Any = threading  # its hooks are not in the stubs
    if sys.gettrace() is not None or every._trace_hook is not None:
        return "a tracer is active (coverage, a debugger)"
    if sys.getprofile() is not None or every._profile_hook is not None:
        return "a profiler is active"
    monitoring: Any = getattr(sys, "monitoring", None)  # 3.12 and later
    if monitoring is not None:
        for tool in range(6):
            if (name := monitoring.get_tool(tool)) is not None:
                return f"{name!r} uses sys.monitoring"
    return None


def of_execution(execution: Execution) -> str | None:
    """What happened in ``execution`` that only OS threads do as in production; or None."""
    if execution.needs:
        return execution.needs[0]
    if execution.lost or execution.abandoned:
        return (execution.lost or execution.abandoned)[0].splitlines()[0]
    if execution.uncontrolled:
        return execution.uncontrolled[0]
    if execution.transports:
        return "messages went through a library with threads of its own"
    return None
