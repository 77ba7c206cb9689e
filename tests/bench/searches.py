"""Tables of what a search costs: decisions by strategy, processes that share it, and memory."""

from __future__ import annotations

from typing import Any

from tests.bench.table import Table, spread


def deciding(results: dict[str, Any]) -> Table:
    """What a decision costs, next to one of the random strategy."""
    table = Table(
        "One decision, 3 tasks × 14 points, access level (the strategy alone, its share of making "
        "and learning included)",
        ("strategy", "nanoseconds", "times random"),
    )
    rounds = [one for one in results.get("deciding", ()) if "trouble" not in one]
    for name in rounds[0] if rounds else ():
        costs = [one[name]["ns"] for one in rounds]
        times = [one[name]["ns"] / one["random"]["ns"] for one in rounds]
        told = spread(costs, "{:,.0f}".format), spread(times, "{:.1f}×".format)
        table.rows.append((name, *told))
    return _with_troubles(table, results.get("deciding", ()))


def division(results: dict[str, Any]) -> Table:
    """Executions per second of two processes, next to one, in the same round."""
    table = Table(
        "One search by two processes, next to one process (executions per second of wall time; CPU "
        "time of an execution)",
        ("search", "executions", "times as fast", "times the CPU time"),
    )
    rounds = [one for one in results.get("division", ()) if "trouble" not in one]
    for title in rounds[0] if rounds else ():
        pairs = [one[title] for one in rounds]
        speed = [one["wall_s"] / two["wall_s"] for one, two in pairs]
        work = [two["cpu_s"] / one["cpu_s"] for one, two in pairs]
        made = f"{pairs[0][0]['executions']:,}"
        told = spread(speed, "{:.2f}×".format), spread(work, "{:.2f}×".format)
        table.rows.append((title, made, *told))
    return _with_troubles(table, results.get("division", ()))


def memory(results: dict[str, Any]) -> Table:
    """How much the process has grown since a twentieth of the search."""
    table = Table(
        "Memory of a long search (resident, MiB)",
        ("search", "executions", "after a twentieth", "grown since, at most"),
    )
    for one in results.get("memory", ()):
        for search in one.get("searches", ()):
            name = f"{search['body']}, {search['strategy']}, {search['points']}"
            warm, grown = f"{search['warm_kib'] / 1024:.1f}", f"{search['grown_mib']:.1f}"
            table.rows.append((name, f"{search['executions']:,}", warm, grown))
    return _with_troubles(table, results.get("memory", ()))


def _with_troubles(table: Table, rounds: Any) -> Table:
    """What could not be measured is said, not left out."""
    blank = [""] * (len(table.columns) - 2)
    table.rows += [(one["trouble"], "not measured", *blank) for one in rounds if "trouble" in one]
    return table
