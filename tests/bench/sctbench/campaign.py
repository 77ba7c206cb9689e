"""A whole run: every cell briefly, then what was cut off longer, until the time is over."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.bench.sctbench.cells import (
    CLASSES,
    HUNTS,
    OVER,
    TWINS,
    Cell,
    joined,
    measure_all,
    unfinished,
)
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.published import CLASSES as PUBLISHED_CLASSES
from tests.bench.sctbench.variants import DEFAULT, hunters

#: Seconds of a cell in the first round, and in those that follow while there is time.
ROUNDS_S = (5.0, 20.0, 80.0, 240.0)
CLASSES_S = 60.0
TWIN_S = 600.0
SYSTEMATIC = "exhaustive"
#: The strategies that the targets are about.
FIRST = (DEFAULT, "surw", "kinds")


@dataclass(frozen=True)
class Wishes:
    """What to measure; ``minutes`` is of the whole run, ``twins`` schedules of each fixed twin."""

    programs: tuple[str, ...] = tuple(PROGRAMS)
    labels: tuple[str, ...] = ()
    seeds: int = 20
    default_seeds: int = 100
    cap: int = 10_000
    twins: int = 10_000
    minutes: float = 28.0
    workers: int = 2
    rounds_s: tuple[float, ...] = ROUNDS_S


def run(wishes: Wishes, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure, and return the results as they are written to JSON."""
    begun_s = time.time()
    until_s = begun_s + wishes.minutes * 60
    results: dict[str, Any] = {HUNTS: {}, CLASSES: {}, TWINS: {}}
    for cells, seconds in stages(wishes):
        if time.time() < until_s:
            _round(results, _left(cells, results, seconds), until_s, wishes.workers, say)
    _fill(results, hunts(wishes), twins(wishes), classes(wishes))
    return results | {
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
        "minutes": round((time.time() - begun_s) / 60, 1),
        "workers": wishes.workers,
        "seeds": wishes.seeds,
        "default_seeds": wishes.default_seeds,
        "cap": wishes.cap,
        "twin_schedules": wishes.twins,
        "labels": list(wishes.labels or hunters()),
    }


def stages(wishes: Wishes) -> list[tuple[list[Cell], float]]:
    """Which cells are measured one after the other, and for how many seconds each."""
    every = hunts(wishes)
    first, *longer = wishes.rounds_s
    about = [cell for cell in every if cell.label in FIRST]
    targets = [(about, first), (classes(wishes), CLASSES_S)]
    targets += [(about, seconds) for seconds in longer[:-1]] + [(twins(wishes), TWIN_S)]
    return [*targets, (every, first), (about, longer[-1]), *((every, more) for more in longer)]


def hunts(wishes: Wishes) -> list[Cell]:
    """Each program under each strategy, the default one with more seeds."""
    found = []
    for label in wishes.labels or hunters():
        seeds = wishes.default_seeds if label == DEFAULT else wishes.seeds
        found += [Cell(HUNTS, name, label, seeds, wishes.cap) for name in wishes.programs]
    return found


def classes(wishes: Wishes) -> list[Cell]:
    """Every schedule of those programs of which the number is published."""
    names = [name for name in PUBLISHED_CLASSES if name in wishes.programs]
    return [Cell(CLASSES, name, SYSTEMATIC) for name in names]


def twins(wishes: Wishes) -> list[Cell]:
    """The schedules of a fixed twin, divided among the strategies."""
    labels = hunters()
    each = -(-wishes.twins // len(labels))
    return [
        Cell(TWINS, name, label, 1, each)
        for name in wishes.programs
        for label in (labels if each else ())
    ]


def _round(
    results: dict[str, Any],
    cells: Sequence[Cell],
    until_s: float,
    workers: int,
    say: Callable[[str], None],
) -> None:
    """Measure the cells into ``results``; cells that the time does not reach are not begun."""
    timed = [replace(cell, until_s=until_s) for cell in cells]
    for done, (cell, entry) in enumerate(measure_all(timed, workers), 1):
        row = results[cell.part].setdefault(cell.program, {})
        row[cell.label] = joined(row.get(cell.label), entry)
        if done % 20 == 0 or done == len(timed):
            say(f"{done} of {len(timed)} cells, {max(until_s - time.time(), 0):.0f} s left")


def _fill(results: dict[str, Any], *parts: Sequence[Cell]) -> None:
    """Say of a cell that the time did not reach that it was not measured."""
    for cells in parts:
        for cell in cells:
            row = results[cell.part].setdefault(cell.program, {})
            row.setdefault(cell.label, {"trouble": OVER})


def _left(cells: Sequence[Cell], results: dict[str, Any], seconds: float) -> list[Cell]:
    """What is not complete: of the default strategy first, then what is nearly done."""
    left = []
    for cell in cells:
        entry = results[cell.part].get(cell.program, {}).get(cell.label)
        again = (
            replace(cell, seconds=seconds) if entry is None else unfinished(cell, entry, seconds)
        )
        if again is not None:
            left.append(again)
    return sorted(left, key=lambda cell: (cell.label not in FIRST, cell.seeds))
