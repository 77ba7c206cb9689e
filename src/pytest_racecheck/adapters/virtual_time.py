"""``sleep`` and the clocks of ``time`` under control: what stands in for them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import MethodType
from typing import Any

from pytest_racecheck.engine.clock import READ_S, real_sleep_s
from pytest_racecheck.engine.execution import Execution, controlled
from pytest_racecheck.engine.task import Task, Unwind

#: Modules whose looks at the clock are a step inside an operation, not one of their own.
_INTERNAL = {"threading", "queue", "concurrent.futures._base", "asyncio.base_events"}
#: A loop that reads the clock until it shows more moves it, after so many readings alone, faster
#: and faster, up to this much a reading.
_PATIENT_READS = 50
_MAX_READ_S = 0.1
_REAL = {
    name: getattr(time, name)
    for clock in ("monotonic", "perf_counter", "time")
    for name in (clock, f"{clock}_ns")
}
_BASE = {name: function() for name, function in _REAL.items()}


def _never() -> bool:
    return False


def _sleep(_: object, seconds: float) -> None:
    found = controlled()
    if found is None:
        real_sleep_s(seconds)
        return
    execution, task = found
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if task.doomed:
        raise Unwind
    if seconds == 0:
        execution.look(task, "", "yield")
    else:
        execution.wait_until(task, _never, "sleep", f"{seconds:g} s", seconds)


def _reader(name: str) -> Callable[[], Any]:
    real = (_REAL[name],)  # in a tuple, where the stand-ins do not look: they would replace it too
    base, in_ns = _BASE[name], name.endswith("_ns")

    def read(_: object) -> Any:
        found = controlled()
        if found is None or found[1].doomed:
            return real[0]()
        now_s = _read(found[0], found[1], sys._getframe(1).f_globals.get("__name__") in _INTERNAL)
        return base + int(now_s * 1e9) if in_ns else base + now_s

    read.__name__ = name
    return MethodType(read, time)


def _read(execution: Execution, task: Task, internal: bool) -> float:
    if internal:
        execution.now_s += READ_S
    else:
        execution.look(task, "", "read clock")
        waits_alone = execution.now_s == execution.clock_seen_s and (
            execution.find_enabled() == [task]
        )
        execution.clock_reads = execution.clock_reads + 1 if waits_alone else 0
        doublings = min(max(execution.clock_reads - _PATIENT_READS, 0), 20)
        execution.now_s += min(READ_S * 2**doublings, _MAX_READ_S)
        execution.clock_seen_s = execution.now_s
    return execution.now_s


_VIRTUAL: dict[str, Callable[..., Any]] = {name: _reader(name) for name in _REAL}
_VIRTUAL["sleep"] = MethodType(_sleep, time)
_sleep.__name__ = "sleep"  # what a thread is named after whose target it is
_REAL["sleep"] = real_sleep_s


#: Controlled tasks live in virtual time, every other thread in real time.  Bound methods stand in,
#: because a built-in function that a class holds does not turn into a method either.
TIME = [(real, _VIRTUAL[name]) for name, real in _REAL.items()]
