"""What a decision of each strategy costs by itself: python -m tests.bench.deciding [SHARE]."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from tests.bench.memory import __file__ as WIDE_FILE
from tests.bench.memory import wide
from tests.bench.ours import engine

from pytest_racecheck.engine.strategies.base import HOOKS, Decider
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from pytest_racecheck.engine.task import Task

STRATEGIES = (
    *("random", "swarm", "pct", "pos", "kinds", "surw"),
    *("portfolio", "bounded", "exhaustive"),
)
EXECUTIONS = 300  # and a third of that to warm up


#: In a tuple, because for a time the engine gives its own clock to every module that has one.
_CLOCK = (time.perf_counter_ns,)


def _now_ns() -> int:
    return _CLOCK[0]()


class Timed:
    """A decider that is timed whenever it is asked or told something."""

    def __init__(self, decider: Decider, spent_ns: int) -> None:
        self._decider = decider
        self.spent_ns = spent_ns
        self.calls = 1
        self.decisions = 0
        self.choose = self._timed(getattr(decider, "choose", decider.pick))
        for hook in HOOKS:
            if hasattr(decider, hook):
                setattr(self, hook, self._timed(getattr(decider, hook)))

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Ask it, and count."""
        begun = _now_ns()
        chosen = self._decider.pick(enabled, current, late)
        self.spent_ns += _now_ns() - begun
        self.calls += 1
        self.decisions += 1
        return chosen

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            begun = _now_ns()
            try:
                return call(*args)
            finally:
                self.spent_ns += _now_ns() - begun
                self.calls += 1

        return timed


def decision_ns(name: str, executions: int = EXECUTIONS) -> dict[str, float]:
    """Nanoseconds of a decision: the median over the executions, making the decider included."""
    options = StrategyOptions(seed=1, preemptions=2 if name == "bounded" else None)
    deciders = make_strategy(name, options).deciders()
    clock_ns = _clock_ns()
    each, made, warm_up = [], 0, executions // 3
    with engine(wide, "access", WIDE_FILE) as runner:
        for _ in range(warm_up + executions):
            begun = _now_ns()
            decider = next(deciders)
            timed = Timed(decider, _now_ns() - begun)
            execution = runner.execute(timed)
            if hasattr(decider, "execution"):  # the reduction looks there what became of it
                decider.execution = execution
            made += timed.decisions
            if timed.decisions:
                each.append((timed.spent_ns - timed.calls * clock_ns) / timed.decisions)
    return {"ns": median(each[warm_up:]), "decisions": made}


def _clock_ns() -> float:
    """What one timing adds by itself."""
    taken = []
    for _ in range(2000):
        begun = _now_ns()
        taken.append(_now_ns() - begun)
    return median(taken)


def run(executions: int = EXECUTIONS) -> dict[str, dict[str, float]]:
    """Strategy -> what a decision costs."""
    return {name: decision_ns(name, executions) for name in STRATEGIES}


if __name__ == "__main__":
    print(json.dumps(run(int(EXECUTIONS * float((sys.argv[1:] or ["1"])[0])))), flush=True)
    sys.exit(0)
