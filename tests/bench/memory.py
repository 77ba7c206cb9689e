"""How much memory a long search takes: python -m tests.bench.memory [STRATEGY POINTS NUMBER]."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pytest_racecheck import explore

#: What is measured when nothing is named: strategy, points, executions.
USUAL = (
    ("random", "sync", 100_000),
    ("random", "access", 50_000),
    ("surw", "access", 50_000),
    ("portfolio", "access", 20_000),
    ("bounded", "access", 20_000),
    ("exhaustive", "access", 10_000),
)
LOOKS = 40
#: So many looks of them are warming up.
WARM_UP = LOOKS // 20
NEVER_S = 10.0**9


@dataclass(frozen=True)
class Growth:
    """Resident memory, in KiB: after the warm-up, and the most that it was afterwards."""

    executions: int
    warm_kib: int
    most_kib: int

    @property
    def grown_mib(self) -> float:
        """How much more than after the warm-up."""
        return (self.most_kib - self.warm_kib) / 1024


class Counter:
    """Nothing is lost, so that the search goes on."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def add(self) -> None:
        """One more."""
        with self.lock:
            self.value += 1


def counter_2x1() -> None:
    """Two threads add one each."""
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2


def wide() -> None:
    """Three threads with 14 operations each on one thing: more schedules than anybody can run."""
    counter = Counter()

    def use() -> None:
        for _ in range(7):
            counter.value += 1

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(
    body: Callable[[], object], strategy: str, points: str, executions: int, **plan: object
) -> Growth:
    """Look at the memory of this process while ``body`` is explored."""
    every, calls, seen = max(executions // LOOKS, 1), [0], []

    def looked_at() -> None:
        calls[0] += 1
        if calls[0] % every == 0:
            seen.append(resident_kib())
        body()

    looked_at.files_under_test = (__file__,)  # type: ignore[attr-defined]
    finding = explore(
        looked_at,
        strategy=strategy,
        points=points,
        executions=executions,
        seconds=NEVER_S,
        **plan,
    )
    if finding.failure is not None or finding.executions < executions:
        raise AssertionError(f"the search ended early: {finding.reason}")
    return Growth(finding.executions, seen[WARM_UP - 1], max(seen[WARM_UP - 1 :]))


def resident_kib() -> int:
    """VmRSS of this process."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def main(argv: list[str]) -> int:
    """Print one line of JSON: a list with an object for each search."""
    asked = [(argv[0], argv[1], int(argv[2]))] if argv else USUAL
    told = []
    for strategy, points, executions in asked:
        systematic = strategy in ("bounded", "exhaustive", "portfolio")
        body = wide if systematic else counter_2x1
        growth = measure(body, strategy, points, executions)
        search = {"body": body.__name__, "strategy": strategy, "points": points}
        told.append({**search, "grown_mib": growth.grown_mib, **asdict(growth)})
    print(json.dumps({"searches": told}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
