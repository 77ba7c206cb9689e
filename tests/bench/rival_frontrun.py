"""Times frontrun, started through its own launcher; it starts the threads of a program itself."""

from __future__ import annotations

from itertools import count
from typing import Any

import frontrun
from tests.bench.programs import Program
from tests.bench.sample import Sample, Stopwatch

WARM_UP_S = 0.2
# What costs it time and is not needed here is off: I/O detection, replays of failures.
LEAN: dict[str, Any] = {"detect_io": False, "reproduce_on_failure": 0}
DPOR: dict[str, Any] = {"strategy": "dpor", "stop_on_first": False}
RANDOM: dict[str, Any] = {"strategy": "random", "max_attempts": 10**6}
VARIANTS: dict[str, dict[str, Any]] = {
    "dpor": DPOR | LEAN,
    "random": RANDOM | LEAN,
    "dpor, virtual clock": DPOR | LEAN | {"clock": "virtual"},
    "random, virtual clock": RANDOM | LEAN | {"clock": "virtual"},
    "random, as it comes": RANDOM,
}


def run(program: Program, variant: str, seconds: float) -> Sample:
    """Executions under ``variant``; a search that has come to its end is begun anew.

    ``choices`` counts the schedules besides the first one of each search.
    """
    watch = Stopwatch(seconds)
    options = VARIANTS[variant]
    _search(program, watch, options, WARM_UP_S, 0)
    if not watch.trouble:
        watch.restart()
    watch.choices = 0
    seeds = count(1)
    while watch.running:
        watch.choices += _search(program, watch, options, watch.left_s, next(seeds))
    return watch.sample()


def _search(
    program: Program, watch: Stopwatch, options: dict[str, Any], budget_s: float, seed: int
) -> int:
    def judged(state: Any) -> bool:
        watch.judge(program.holds(state))
        return True

    seeded = {"seed": seed} if options["strategy"] == "random" else {}
    try:
        result = frontrun.explore(
            setup=program.setup,
            workers=list(program.workers),
            invariant=judged,
            total_timeout=budget_s,
            **options,
            **seeded,
        )
    except Exception as error:  # noqa: BLE001 - whatever it raises is told in the table
        watch.trouble = f"raises {type(error).__name__}: {_first_line(error)}"
        return 0
    _count(result, watch)
    return (result.unique_interleavings or result.num_explored) - 1


def _count(result: Any, watch: Stopwatch) -> None:
    watch.said += result.num_explored
    said = _first_line(result.explanation or result.inconclusive_reason or "")
    if result.property_holds is None and result.num_explored:
        watch.trouble = f"inconclusive: {said}"
    elif result.property_holds is False and said.startswith("Deadlock"):
        watch.count("deadlock", max(len(result.failures), 1))
    elif result.property_holds is False:
        watch.trouble = f"calls it wrong: {said}"


def _first_line(text: object) -> str:
    return (str(text).splitlines() or ["no text"])[0]
