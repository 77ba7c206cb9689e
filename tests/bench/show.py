"""Prints the tables of a run, to a terminal or as Markdown."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from tests.bench import searches
from tests.bench import table as tables
from tests.bench.table import Table
from tests.bench.targets import targets

PLAIN_WIDTH = 150


def all_tables(results: dict[str, Any]) -> list[Table]:
    """Every table that has rows, the most important one first."""
    made = [
        tables.speed(results),
        tables.times_as_fast(results),
        tables.like_for_like(results),
        tables.public(results),
        tables.points(results),
        searches.deciding(results),
        searches.division(results),
        searches.memory(results),
        tables.refused(results),
        targets(results),
    ]
    return [one for one in made if one.rows]


def headline(results: dict[str, Any]) -> str:
    """On what it was measured, and how."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    kept = "" if results["cpu"] is None else f", everybody kept on CPU {results['cpu']}"
    return (
        f"Python {results['python']}, {results['machine']}, {versions}; "
        f"{results['rounds']} rounds of {results['seconds']:g} s each{kept}; "
        f"load average at the end {results['load']}"
    )


def own_troubles(results: dict[str, Any]) -> list[str]:
    """What of ours could not be counted: then the run has failed."""
    return [
        f"{program['title']}, {name}: {entry['complaint']}"
        for program in results["programs"].values()
        for name, entry in program["contestants"].items()
        if name.startswith(("engine", "explore")) and entry["complaint"]
    ]


def show(results: dict[str, Any], console: Console | None = None) -> None:
    """Print the tables."""
    draw(headline(results), all_tables(results), console)


def draw(head: str, shown: list[Table], console: Console | None = None) -> None:
    """Print a line and tables with rich; a pipe gets them wide and plain."""
    if console is None:
        console = Console()
        if not console.is_terminal:
            console = Console(width=PLAIN_WIDTH)
    console.print(head, style="bold")
    for one in shown:
        drawn = RichTable(*one.columns, title=one.title, title_justify="left")
        for row in one.rows:
            drawn.add_row(*row)
        console.print(drawn)


def put_into(page: str, results: dict[str, Any]) -> str:
    """``page`` with the results of this Python in place of its earlier ones; ValueError if none."""
    minor = ".".join(str(results["python"]).split(".")[:2])
    begin, end = f"<!-- results {minor} -->", f"<!-- end of results {minor} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page has no place for results of {minor}: {begin} ... {end}")
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n\n{markdown(results).strip()}\n\n{end}{rest.partition(end)[2]}"


def markdown(results: dict[str, Any]) -> str:
    """The same as Markdown, for docs/benchmarks.md."""
    return "\n".join([headline(results), "", *lines_of(all_tables(results))])


def lines_of(shown: list[Table]) -> list[str]:
    """The lines of tables in Markdown."""
    lines: list[str] = []
    for one in shown:
        lines += [f"**{one.title}**", ""]
        lines.append("| " + " | ".join(one.columns) + " |")
        lines.append("|" + "---|" * len(one.columns))
        for row in one.rows:
            lines.append("| " + " | ".join(cell.replace("|", "·") for cell in row) + " |")
        lines.append("")
    return lines
