"""What two processes make of one search: python -m tests.bench.division [SHARE]."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from tests.bench.memory import counter_2x1, wide

from pytest_racecheck import explore

#: title -> (body, strategy, points, executions)
SEARCHES: dict[str, tuple[Any, str, str, int]] = {
    "counter 2×1, random, sync": (counter_2x1, "random", "sync", 16_000),
    "3 tasks × 14 points, random, access": (wide, "random", "access", 4_000),
    "3 tasks × 14 points, portfolio, access": (wide, "portfolio", "access", 4_000),
}


def measure(title: str, workers: int, share: float = 1.0) -> dict[str, float]:
    """Wall and CPU seconds of a search with its processes, and of each execution."""
    body, strategy, points, executions = SEARCHES[title]
    wall, cpu = time.perf_counter(), _cpu_s()
    finding = explore(
        body,
        strategy=strategy,
        points=points,
        executions=int(executions * share),
        seconds=10.0**9,
        workers=workers,
    )
    wall, cpu = time.perf_counter() - wall, _cpu_s() - cpu
    if finding.failure is not None or finding.warnings:
        raise AssertionError(f"not a search as meant: {finding.reason} {finding.warnings}")
    return {"wall_s": wall, "cpu_s": cpu, "executions": finding.executions}


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run(share: float = 1.0) -> dict[str, list[dict[str, float]]]:
    """Search -> what one process and two processes took."""
    return {title: [measure(title, n, share) for n in (1, 2)] for title in SEARCHES}


if __name__ == "__main__":
    print(json.dumps(run(float((sys.argv[1:] or ["1"])[0]))), flush=True)
    sys.exit(0)
