"""The cells of the table: one program under one strategy each, measured by two processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from tests.bench.sctbench.counting import ControlLostError, every_schedule, plan_of, trials
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.variants import options_of

HUNTS, CLASSES, TWINS = "hunts", "classes", "twins"
OVER = "not measured: the time was over"


@dataclass(frozen=True)
class Cell:
    """What to measure: ``seeds`` trials from ``first`` on, of at most ``cap`` schedules each.

    ``seconds`` is for all of them together, ``until_s`` (time.time) the end of the whole run.
    """

    part: str
    program: str
    label: str
    seeds: int = 1
    cap: int = 1
    first: int = 0
    seconds: float = 60.0
    until_s: float = float("inf")

    @property
    def key(self) -> tuple[str, str, str]:
        """Where in the results it belongs."""
        return self.part, self.program, self.label


def measure(cell: Cell) -> dict[str, Any]:
    """One cell: its trials, or its whole search; ``trouble`` says what could not be counted."""
    left_s = min(cell.seconds, cell.until_s - time.time())
    if left_s <= 0:
        return {"trouble": OVER}
    try:
        return _MEASURES[cell.part](replace(cell, seconds=left_s)) | {"trouble": ""}
    except ControlLostError as error:
        return {"trouble": str(error)}


def _hunt(cell: Cell) -> dict[str, Any]:
    program = PROGRAMS[cell.program]
    return _trials(cell, program.broken, program.kinds)


def _twin(cell: Cell) -> dict[str, Any]:
    """Whatever a fixed twin fails of is trouble."""
    return _trials(cell, PROGRAMS[cell.program].fixed, ())


def _trials(cell: Cell, body: Callable[[], None], kinds: tuple[str, ...]) -> dict[str, Any]:
    options = options_of(cell.label)
    seeds = range(cell.first, cell.first + cell.seeds)
    plans = [plan_of(body, **options, seed=seed) for seed in seeds]
    made = trials(body, plans, kinds, cap=cell.cap, seconds=cell.seconds)
    return {"trials": [trial.as_json() for trial in made], "cap": cell.cap}


def _classes(cell: Cell) -> dict[str, Any]:
    program = PROGRAMS[cell.program]
    plan = plan_of(program.broken, **options_of(cell.label))
    return every_schedule(program.broken, plan, program.kinds, seconds=cell.seconds).as_json()


_MEASURES: dict[str, Callable[[Cell], dict[str, Any]]] = {
    HUNTS: _hunt,
    CLASSES: _classes,
    TWINS: _twin,
}


def is_cut_off(trial: dict[str, Any], cap: int) -> bool:
    """Whether the time ended this trial: not the bug, the cap, or the end of all schedules."""
    return not trial["found"] and not trial["exhausted"] and trial["schedules"] < cap


def unfinished(cell: Cell, entry: dict[str, Any], seconds: float) -> Cell | None:
    """The cell that goes on where the time cut this one off; None when it is complete."""
    if entry["trouble"] == OVER:
        return replace(cell, seconds=seconds)
    if entry["trouble"] or "trials" not in entry:
        return None
    done = sum(
        trial["seed"] >= cell.first and not is_cut_off(trial, cell.cap) for trial in entry["trials"]
    )
    if done == cell.seeds:
        return None
    return replace(cell, first=cell.first + done, seeds=cell.seeds - done, seconds=seconds)


def joined(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """What two attempts at one cell have given together; the longer of two cut-off trials stays."""
    if before is None or "trials" not in before:
        return after
    if "trials" not in after:
        return before if after["trouble"] == OVER else after
    best: dict[int, dict[str, Any]] = {}
    for trial in (*before["trials"], *after["trials"]):
        known = best.get(trial["seed"])
        if known is None or trial["found"] or trial["schedules"] > known["schedules"]:
            best[trial["seed"]] = trial
    return after | {"trials": [best[seed] for seed in sorted(best)]}


def measure_all(cells: Iterable[Cell], workers: int) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell with what came of it, as they come; a process on a CPU for each of ``workers``."""
    context = get_context("spawn")  # a fork would inherit what control has replaced
    places = context.Queue()
    for cpu in _cpus(workers):
        places.put(cpu)
    with ProcessPoolExecutor(workers, context, _take_a_cpu, (places,)) as pool:
        asked = {pool.submit(measure, cell): cell for cell in cells}
        for done in as_completed(asked):
            yield asked[done], done.result()


def _cpus(workers: int) -> list[int]:
    """One CPU each: one task of an execution moves at a time, so more are of no use to it."""
    allowed = sorted(os.sched_getaffinity(0))
    return [allowed[n % len(allowed)] for n in range(workers)]


def _take_a_cpu(places: Any) -> None:
    os.sched_setaffinity(0, {places.get()})
