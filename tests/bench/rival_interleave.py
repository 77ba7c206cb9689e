"""Times interleave-test; it stops at the first failure, so it is called anew after each one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import interleave_test
from tests.bench.programs import Program
from tests.bench.sample import Sample, Stopwatch

BATCH = 25
WARM_UP = 4  # batches
SCHEDULE_S = 10.0  # given to one schedule before the tool calls it a hang


class _CountingRandom(interleave_test.RandomStrategy):
    """The tool's own random strategy, with a count of its choices; used while warming up only."""

    def __init__(self) -> None:
        self.choices = 0

    def pick(self, runnable: Sequence[Any], current: Any, index: int) -> Any:
        self.choices += 1
        return super().pick(runnable, current, index)


VARIANTS = {"random": interleave_test.RandomStrategy, "pct": interleave_test.PCTStrategy}


def run(program: Program, variant: str, seconds: float) -> Sample:
    """Executions under the tool's ``variant`` strategy; ``choices`` are those of the warm-up."""
    watch = Stopwatch(seconds)
    counting = _CountingRandom()
    for seed in range(WARM_UP):
        _batch(program, watch, counting, seed)
    watch.choices = counting.choices
    strategy = VARIANTS[variant]()
    _batch(program, watch, strategy, 0)
    if not watch.trouble:
        watch.restart()
    seeds = count(1)
    while watch.running:
        _batch(program, watch, strategy, next(seeds))
    return watch.sample()


def _batch(program: Program, watch: Stopwatch, strategy: Any, seed: int) -> None:
    def judged() -> None:
        watch.judge(program.body())

    result = interleave_test.explore(
        judged,
        iterations=BATCH,
        seed=seed,
        strategy=strategy,
        timeout=SCHEDULE_S,
        include=[program.body.__code__.co_filename],
        raise_on_failure=False,
    )
    watch.said += result.schedules_run
    failure = result.failure
    if failure is not None and failure.kind == "deadlock":
        watch.count("deadlock")
    elif failure is not None:
        said = str(failure.exception or failure.details).splitlines() or ["no text"]
        watch.trouble = f"calls it a {failure.kind}: {said[0]}"
    if result.leaked_threads:
        watch.trouble = f"{result.leaked_threads} of its threads could not be ended"
