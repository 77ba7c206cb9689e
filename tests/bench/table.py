"""The results as tables, for a terminal (rich) and for the documentation (Markdown)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.bench.rounds import FREE, GREEN, GREEN_SYNC, OURS, OURS_PCT, OURS_SYNC, PUBLIC

RIVALS = ("frontrun", "interleave-test")
NONE = "–"


@dataclass
class Table:
    """Text in rows and columns, and notes below it."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)


def rates(entry: dict[str, Any], clock: str = "wall_s") -> list[float]:
    """Executions per second of each round."""
    return [sample["executions"] / sample[clock] for sample in entry["samples"]]


def valid(program: dict[str, Any], name: str) -> dict[str, Any] | None:
    """What a contestant measured on a program, if it counts."""
    entry = program["contestants"].get(name)
    return entry if entry and not entry["complaint"] and entry["samples"] else None


def best(program: dict[str, Any], tool: str) -> str | None:
    """The fastest valid variant of ``tool`` on this program, by name."""
    names = [
        name
        for name in program["contestants"]
        if name.startswith(f"{tool}: ") and valid(program, name)
    ]
    return max(names, key=lambda name: median(rates(program["contestants"][name])), default=None)


def ratios(program: dict[str, Any], name: str, other: str | None, clock: str) -> list[float]:
    """How many times as many executions ``name`` makes as ``other``, round by round."""
    mine, theirs = valid(program, name), valid(program, other) if other else None
    if not mine or not theirs:
        return []
    return [a / b for a, b in zip(rates(mine, clock), rates(theirs, clock), strict=True)]


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """The median, and the range in brackets."""
    if not values:
        return NONE
    if len(values) == 1:
        return form(values[0])
    return f"{form(median(values))} ({form(min(values))}–{form(max(values))})"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _times(value: float) -> str:
    return f"{value:.2g}×" if value < 10 else f"{value:.0f}×"


def _micro(value: float) -> str:
    return f"{value:.2f}"


def speed(results: dict[str, Any]) -> Table:
    """Executions per second of everybody, in wall time."""
    table = Table(
        "Executions per second (wall time; median and range of the rounds)",
        (
            "program",
            *("ours, sync", "ours, access", "ours, sync, greenlets", "ours, access, greenlets"),
            *("free threads", *RIVALS),
        ),
    )
    for program in results["programs"].values():
        shown = (OURS_SYNC, OURS, GREEN_SYNC, GREEN, FREE)
        cells = [_rate_cell(program, contestant.name) for contestant in shown]
        table.rows.append(
            (program["title"], *cells, *(_rival_cell(results, program, tool) for tool in RIVALS))
        )
    return table


def _rate_cell(program: dict[str, Any], name: str) -> str:
    entry = valid(program, name)
    if entry is None:
        refused = program["contestants"].get(name, {}).get("complaint")
        return "not counted, see below" if refused else "not measured"
    return spread(rates(entry), _count)


def _rival_cell(results: dict[str, Any], program: dict[str, Any], tool: str) -> str:
    if tool in results["absent"]:
        return str(results["absent"][tool])
    name = best(program, tool)
    if name is None:
        return "not counted, see below"
    return f"{spread(rates(valid(program, name) or {}), _count)} {name.split(': ')[1]}"


def times_as_fast(results: dict[str, Any]) -> Table:
    """Ours against the better variant of each rival, and against free threads."""
    table = Table(
        "Times as many executions as the better variant of ... (wall time · CPU time)",
        ("program", "ours", *RIVALS, "free threads"),
    )
    for program in results["programs"].values():
        for contestant in (OURS, OURS_PCT, OURS_SYNC, GREEN, GREEN_SYNC):
            others = [*(best(program, tool) for tool in RIVALS), FREE.name]
            cells = [_ratio_cell(program, contestant.name, other) for other in others]
            table.rows.append((program["title"], contestant.variant, *cells))
    return table


def _ratio_cell(program: dict[str, Any], name: str, other: str | None) -> str:
    told = [spread(ratios(program, name, other, clock), _times) for clock in ("wall_s", "cpu_s")]
    return NONE if told == [NONE, NONE] else " · ".join(told)


def like_for_like(results: dict[str, Any]) -> Table:
    """The same strategy on both sides: random with random, PCT with PCT."""
    table = Table(
        "The same strategy on both sides, access level (wall time · CPU time)",
        (
            "program",
            "random: frontrun, lean",
            "random: frontrun as it comes",
            "random: interleave-test",
            "PCT: interleave-test",
        ),
    )
    pairs = (
        (OURS.name, "frontrun: random"),
        (OURS.name, "frontrun: random, as it comes"),
        (OURS.name, "interleave-test: random"),
        (OURS_PCT.name, "interleave-test: pct"),
    )
    for program in results["programs"].values():
        cells = [_ratio_cell(program, name, other) for name, other in pairs]
        table.rows.append((program["title"], *cells))
    return table


def public(results: dict[str, Any]) -> Table:
    """What is left of it through the public call, everything that it does included."""
    table = Table(
        "Through the public explore(), access level, random",
        ("program", "executions per second", "share of the engine's", "calls per second"),
    )
    for program in results["programs"].values():
        entry = valid(program, PUBLIC.name)
        calls = [s["choices"] / s["wall_s"] for s in entry["samples"]] if entry else []
        share = ratios(program, PUBLIC.name, OURS.name, "cpu_s")
        table.rows.append(
            (
                program["title"],
                _rate_cell(program, PUBLIC.name),
                spread([100 * value for value in share], lambda value: f"{value:.0f} %"),
                spread(calls, lambda value: f"{value:.1f}"),
            )
        )
    return table


def points(results: dict[str, Any]) -> Table:
    """What one scheduling point costs."""
    table = Table("One scheduling point, microseconds", ("point", "CPU time", "wall time"))
    measured = [cost for cost in results["points"] if "trouble" not in cost]
    for name in measured[0] if measured else ():
        table.rows.append(
            (
                name,
                spread([cost[name]["cpu_us"] for cost in measured], _micro),
                spread([cost[name]["wall_us"] for cost in measured], _micro),
            )
        )
    for cost in results["points"]:
        if "trouble" in cost:
            table.rows.append((str(cost["trouble"]), NONE, NONE))
    return table


def refused(results: dict[str, Any]) -> Table:
    """Who could not run what, in words."""
    table = Table("Not counted, and why", ("who", "programs", "why"))
    cases: dict[tuple[str, str], list[str]] = {}
    for program in results["programs"].values():
        for name, entry in program["contestants"].items():
            if entry["complaint"]:
                cases.setdefault((name, entry["complaint"]), []).append(program["title"])
    table.rows += [(name, ", ".join(titles), why) for (name, why), titles in cases.items()]
    table.rows += [(tool, "all", why) for tool, why in results["absent"].items()]
    return table
