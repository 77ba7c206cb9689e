"""The tables of a run, beside what was published: for a terminal, and for the documentation."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from tests.bench.sctbench.cells import CLASSES, HUNTS, TWINS
from tests.bench.sctbench.goals import goals, of
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.published import CLASSES as PUBLISHED_CLASSES
from tests.bench.sctbench.published import COLUMNS, PUBLISHED, WHY_DIFFERENT
from tests.bench.sctbench.summary import told
from tests.bench.sctbench.variants import DEFAULT
from tests.bench.show import draw, lines_of
from tests.bench.table import NONE, Table

BEGIN, END = "<!-- sctbench -->", "<!-- end of sctbench -->"


def all_tables(results: dict[str, Any]) -> list[Table]:
    """Every table that has rows, the verdict first."""
    made = [targets(results), ours(results), beside(results), classes(results), troubles(results)]
    return [one for one in made if one.rows]


def headline(results: dict[str, Any]) -> str:
    """On what it was measured, and how."""
    return (
        f"Python {results['python']}, {results['machine']}, {results['workers']} processes, "
        f"{results['minutes']} minutes; {results['seeds']} seeds (portfolio "
        f"{results['default_seeds']}), at most {results['cap']:,} schedules each; "
        f"load average at the end {results['load']}"
    )


def targets(results: dict[str, Any]) -> Table:
    """What was to be reached."""
    return Table("Targets", ("target", "measured", "verdict"), [*goals(results)])


def ours(results: dict[str, Any]) -> Table:
    """Every strategy on every program."""
    labels = results["labels"]
    table = Table(
        "Schedules to the first failure: mean · 95th percentile (found/seeds tried)",
        ("program", "threads", *labels),
    )
    for name in results[HUNTS]:
        found = [of(results, name, label) for label in labels]
        cells = [told(one) if one is not None else NONE for one in found]
        table.rows.append((name, str(PROGRAMS[name].threads), *cells))
    return table


#: A column of ours, and the published ones of the same strategy.
_SAME: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    "random": ("RW", "Sim RW"),
    "pct3": ("PCT3", "Sim PCT3"),
    "pos": ("POS", "Sim POS"),
    "surw": ("SURW", "Sim SURW"),
}


def beside(results: dict[str, Any]) -> Table:
    """The means beside the published ones."""
    pairs = {label: names for label, names in _SAME.items() if label in results["labels"]}
    rest = [c for c in COLUMNS if not any(c in names for names in pairs.values())]
    columns = [c for label, names in pairs.items() for c in (f"ours: {label}", *names)]
    table = Table(
        "Means beside the published ones (never: not in 10,000 schedules)",
        ("program", *columns, *rest),
    )
    for name in results[HUNTS]:
        published = PUBLISHED.get(name)
        if published is None:
            continue
        row = [name]
        for label, names in pairs.items():
            one = of(results, name, label)
            found = one is not None and one.found
            row.append(f"{one.mean:.3g}" if one is not None and found else NONE)
            row += [published.get(column, NONE) for column in names]
        table.rows.append((*row, *[published.get(column, NONE) for column in rest]))
    return table


def classes(results: dict[str, Any]) -> Table:
    """The number of different executions beside the published one."""
    table = Table(
        "Complete executions of the systematic search",
        ("program", "ours", "published", "redundant", "failed", "seconds", "complete", "remark"),
    )
    for name, entries in results[CLASSES].items():
        for entry in entries.values():
            if entry["trouble"]:
                continue
            cells = (f"{entry['executions']:,}", f"{PUBLISHED_CLASSES[name]:,}")
            cells += (f"{entry['redundant']:,}", f"{entry['failed']:,}")
            cells += (f"{entry['seconds']:.1f}", "yes" if entry["complete"] else "no")
            table.rows.append((name, *cells, WHY_DIFFERENT.get(name, "")))
    return table


def troubles(results: dict[str, Any]) -> Table:
    """What could not be counted, and why."""
    table = Table("Not counted, and why", ("part", "program", "strategy", "why"))
    for part in (HUNTS, CLASSES, TWINS):
        for name, entries in results[part].items():
            table.rows += [
                (part, name, label, entry["trouble"])
                for label, entry in entries.items()
                if entry["trouble"]
            ]
    return table


def show(results: dict[str, Any], console: Console | None = None) -> None:
    """Print the tables."""
    draw(headline(results), all_tables(results), console)


def markdown(results: dict[str, Any]) -> str:
    """The same for docs/benchmarks.md."""
    return "\n".join([headline(results), "", *lines_of(all_tables(results))])


def put_into(page: str, results: dict[str, Any]) -> str:
    """``page`` with these results in place of earlier ones; ValueError if it has no place."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"the page has no place for these results: {BEGIN} ... {END}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{markdown(results).strip()}\n\n{END}{rest.partition(END)[2]}"
