"""What one scheduling point costs, without and with a switch: python -m tests.bench.points."""

from __future__ import annotations

import _thread
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.bench import loops
from tests.bench.ours import engine

from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.task import Task

_wall_s = time.perf_counter
_cpu_s = time.process_time
MAX_STEPS = 10**9
SHORT, LONG = 20, 220  # rounds; the difference is what is timed
HAND_OVERS = 4_000
#: Scheduling classes of Linux: in the second one a thread that is woken does not preempt its waker.
POLICIES = {"usual": os.SCHED_OTHER, "batch": os.SCHED_BATCH}


class Stay:
    """Never switches while the task that moved last can go on."""

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Choose the current task."""
        return current or enabled[0]


class Alternate:
    """Switches at every point where another task can move."""

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Choose the first task that is not the current one."""
        return next(task for task in enabled if task is not current)


#: name -> (level, loop, what the second thread does, strategy, whether it stays on one CPU)
CASES: dict[str, tuple[str, Callable[[Any], None], Callable[[Any], None], Any, bool]] = {
    "access, no switch": ("access", loops.accesses, loops.nothing, Stay, True),
    "sync, no switch": ("sync", loops.locks, loops.nothing, Stay, True),
    "access, always a switch, one CPU": ("access", loops.accesses, loops.accesses, Alternate, True),
    "access, always a switch, any CPU": (
        "access",
        loops.accesses,
        loops.accesses,
        Alternate,
        False,
    ),
    "sync, always a switch, one CPU": ("sync", loops.own_locks, loops.own_locks, Alternate, True),
    "sync, always a switch, any CPU": ("sync", loops.own_locks, loops.own_locks, Alternate, False),
}


def run() -> dict[str, dict[str, float]]:
    """Name -> microseconds of wall and CPU time for one point, or one hand-over."""
    found = {name: _point(*case) for name, case in CASES.items()}
    for where, one_cpu in (("one CPU", True), ("any CPU", False)):
        for which, policy in POLICIES.items():
            found[f"hand-over of a bare lock, {where}, {which} class"] = _hand_over(one_cpu, policy)
    return found


def _point(points: str, loop: Any, other: Any, strategy: Any, one_cpu: bool) -> dict[str, float]:
    rounds = [SHORT]

    def body() -> None:
        loops.beside(loop, other, rounds[0])

    everywhere = os.sched_getaffinity(0)
    with engine(body, points, loops.__file__, MAX_STEPS) as runner:
        if not one_cpu:
            os.sched_setaffinity(0, everywhere)
        timed = []
        for rounds[0] in (SHORT, SHORT, LONG):  # the first one warms up
            wall, cpu = _wall_s(), _cpu_s()
            execution: Execution = runner.execute(strategy())
            timed.append((_wall_s() - wall, _cpu_s() - cpu, execution.steps))
    plain_s = _plain_s(loop, LONG) - _plain_s(loop, SHORT)
    (_, short, long) = timed
    made = long[2] - short[2]
    if made < 10 * (LONG - SHORT):
        raise AssertionError(f"{made} points were made; the loop does not have its points")
    running = made / (10 * (LONG - SHORT))  # both threads run the loop
    return {
        "wall_us": (long[0] - short[0] - plain_s * running) / made * 1e6,
        "cpu_us": (long[1] - short[1] - plain_s * running) / made * 1e6,
        "points": made,
    }


def _plain_s(loop: Any, rounds: int) -> float:
    """CPU seconds of the same loop without any control."""
    shared = loops.Shared()
    shared.rounds = rounds
    begun = _cpu_s()
    loop(shared)
    return _cpu_s() - begun


def _hand_over(one_cpu: bool, policy: int) -> dict[str, float]:
    """Two threads that pass two bare locks to and fro: the least that any engine has to pay."""
    everywhere = os.sched_getaffinity(0)
    if one_cpu:
        os.sched_setaffinity(0, {min(everywhere)})
    os.sched_setscheduler(0, policy, os.sched_param(0))
    here, there = _thread.allocate_lock(), _thread.allocate_lock()
    here.acquire()
    there.acquire()

    def other() -> None:
        for _ in range(HAND_OVERS):
            there.acquire()
            here.release()

    _thread.start_new_thread(other, ())
    wall, cpu = _wall_s(), _cpu_s()
    for _ in range(HAND_OVERS):
        there.release()
        here.acquire()
    wall, cpu = _wall_s() - wall, _cpu_s() - cpu
    os.sched_setaffinity(0, everywhere)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    made = 2 * HAND_OVERS
    return {"wall_us": wall / made * 1e6, "cpu_us": cpu / made * 1e6, "points": made}


if __name__ == "__main__":
    print(json.dumps(run()), flush=True)
    sys.exit(0)
