"""The numbers to reach, and whether a run reached them."""

from __future__ import annotations

from statistics import median
from typing import Any

from tests.bench.rounds import GREEN, OURS, OURS_SYNC, Contestant
from tests.bench.table import Table, best, rates, ratios, valid

TIMES = {"frontrun": 10.0, "interleave-test": 8.0}
GREEN_TIMES = {"frontrun": 50.0}
GREEN_RATE = 25_000.0
RATE = 5_000.0
RATE_PROGRAMS = ("counter_2x1", "deadlock")
POINT_US = 1.0
POINTS = ("access, no switch", "sync, no switch")


def targets(results: dict[str, Any]) -> Table:
    """Each target with the number found, in wall and in CPU time."""
    table = Table("Targets", ("target", "wall time", "CPU time", "reached"))
    for contestant, times in ((OURS, TIMES), (GREEN, GREEN_TIMES)):
        for tool, least in times.items():
            table.rows += [
                _times_row(program, contestant, tool, least)
                for program in results["programs"].values()
            ]
    wanted = [(name, one, RATE) for name in RATE_PROGRAMS for one in (OURS_SYNC, OURS)]
    for name, contestant, least in [*wanted, ("counter_2x1", GREEN, GREEN_RATE)]:
        if (program := results["programs"].get(name)) is not None:
            table.rows.append(_rate_row(program, contestant, least))
    for name in POINTS:
        costs = [cost[name] for cost in results["points"] if name in cost]
        found = [[cost[clock] for cost in costs] for clock in ("wall_us", "cpu_us")]
        what = f"≤ {POINT_US:g} µs a point: {name}"
        table.rows.append(_row(what, [_median(f) for f in found], POINT_US, "{:.2f} µs", most=True))
    return table


def _times_row(
    program: dict[str, Any], contestant: Contestant, tool: str, least: float
) -> tuple[str, ...]:
    rival = best(program, tool)
    found = [ratios(program, contestant.name, rival, clock) for clock in ("wall_s", "cpu_s")]
    what = f"≥ {least:g} × {tool}: {program['title']}{_carrier(contestant)}"
    return _row(what, [_median(f) for f in found], least, "{:.1f}×")


def _rate_row(program: dict[str, Any], contestant: Contestant, least: float) -> tuple[str, ...]:
    entry = valid(program, contestant.name)
    found = [rates(entry, clock) if entry else [] for clock in ("wall_s", "cpu_s")]
    what = f"≥ {least:,.0f}/s: {program['title']}, {contestant.variant}"
    return _row(what, [_median(f) for f in found], least, "{:,.0f}/s")


def _carrier(contestant: Contestant) -> str:
    return ", greenlets" if contestant is GREEN else ""


def _median(values: list[float]) -> float | None:
    return median(values) if values else None


def _row(
    what: str, found: list[float | None], bound: float, form: str, most: bool = False
) -> tuple[str, ...]:
    """Wall time decides; CPU time tells whether a busy machine was the reason."""
    told = [form.format(value) if value is not None else "–" for value in found]
    reached = [
        value is not None and (value <= bound if most else value >= bound) for value in found
    ]
    if found[0] is None:
        verdict = "nothing to compare with"
    elif reached[0]:
        verdict = "yes"
    else:
        verdict = "in CPU time only" if reached[1] else "no"
    return (what, *told, verdict)
