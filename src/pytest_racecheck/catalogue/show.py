"""Puts records, scenarios and claims into lines of text; prints nothing."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pytest_racecheck.catalogue.claims import Claim
from pytest_racecheck.catalogue.record import Record
from pytest_racecheck.catalogue.scenario import Controlled, Free, Scenario, Variant

MARKS = {True: "kept", False: "BROKEN", None: "not run"}
NARROW, NAME_COLUMN = 80, 21
Finding = Mapping[str, Any]


def printable(text: str) -> str:
    """`text` with control characters escaped, for a body may print what moves the cursor."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
        for char in text
    )


def scope(finding: Finding) -> str:
    """What the verdict speaks for, in a few words. `finding` is an object of the JSON."""
    if finding["kept"] is None:
        return "could not be run here"
    runs, verdict = finding["executions"], finding["verdict"]
    if verdict == "ruled out":
        return _bound(finding) + f", {runs} executions"
    if finding["mode"] == "free":
        return _rate(finding)
    if verdict == "reproduced":
        agreeing, made = finding["replays"]
        return (
            f"{finding['failure']['kind']}, execution {finding['first_failure']}, "
            f"{agreeing} of {made} replays"
        )
    return f"{runs} executions"


def short_scope(finding: Finding) -> str:
    """The same in at most 17 characters."""
    if finding["kept"] is None:
        return ""
    if finding["verdict"] == "ruled out":
        return _bound(finding)
    if finding["mode"] == "free":
        return f"{finding['replays'][0]} of {finding['executions']} runs"
    if finding["verdict"] == "reproduced":
        return f"execution {finding['first_failure']}"
    return f"{finding['executions']} executions"


def _bound(finding: Finding) -> str:
    if finding["grade"] == "exhausted":
        return "exhausted"
    count = finding["preemptions"]
    return f"<= {count} preemption" + ("" if count == 1 else "s")


def _rate(finding: Finding) -> str:
    if finding["verdict"] == "reproduced":
        failed, runs = finding["replays"]
        return f"{finding['failure']['kind']} in {failed} of {runs} runs"
    power = "" if finding["grade"] == "statistical" else ", no power"
    return f"0 of {finding['executions']} runs" + power


def results_table(records: Sequence[Record], titles: Mapping[str, str], width: int) -> list[str]:
    """One line a record below one line a scenario, none wider than `width`."""
    longest = max((len(record.variant) for record in records), default=0)
    column = min(longest, NAME_COLUMN + max(0, width - NARROW))
    lines: list[str] = []
    for name, group in groupby(records, key=lambda record: record.scenario):
        lines.append(_cut(f"{name}  {titles[name]}", width))
        lines += [_row(record, column, width) for record in group]
    return lines


def _row(record: Record, column: int, width: int) -> str:
    """Such as "  kept    buggy   controlled inproc  reproduced  execution 3"."""
    finding = record.as_json()
    way = " ".join(filter(None, (record.mode, record.transport)))
    variant = _cut(record.variant, column).ljust(column)
    start = f"  {MARKS[record.kept]:7} {variant} {way:17} {finding['verdict']:12} "
    texts = (*_with_control(record), scope(finding), short_scope(finding))
    left = width - len(start)
    fitting = next((text for text in texts if len(text) <= left), texts[-1])
    return _cut(start + fitting, width).rstrip()


def _with_control(record: Record) -> tuple[str, ...]:
    """A clean sample beside its positive control, long and short."""
    control = record.control
    if control is None:
        return ()
    power = "" if record.found.grade else " (no power)"
    runs = record.found.executions
    return (
        f"0 of {runs} runs, control {control.failures} of {control.runs}{power}",
        f"0/{runs}, control {control.failures}/{control.runs}",
    )


def news_line(record: Record) -> str:
    """The record in one line that stands for itself."""
    said = (*_with_control(record), scope(record.as_json()))[0]
    found = f"{record.found.verdict}, {said}"
    return f"{MARKS[record.kept]}: {record.title}: {found} ({record.found.seconds:.1f} s)"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def closing_line(summary: Mapping[str, Any]) -> str:
    """How many there were, and what became of them."""
    parts = [f"{summary['kept']} kept"]
    parts += [f"{summary['broken']} BROKEN"] if summary["broken"] else []
    parts += [f"{summary['not_run']} could not be run here"] if summary["not_run"] else []
    left = summary["asked"] - summary["findings"]
    parts += [f"{left} not reached (interrupted)"] if left else []
    promises = "promise" if summary["asked"] == 1 else "promises"
    return f"{summary['asked']} {promises}: {', '.join(parts)} ({summary['seconds']:.1f} s)"


def told(record: Record, width: int, command: Sequence[str]) -> list[str]:
    """Everything about one finding; `command` runs the job again."""
    broken = f", promised was {record.expects}" if record.kept is False else ""
    head = f"{MARKS[record.kept].upper()}  {record.title}: {record.found.verdict}{broken}"
    lines = ["", head]
    if record.found.reason not in " ".join(record.report.split()):  # most reports begin with it
        lines += _wrapped(record.found.reason, width)
    if record.mode == "free" and record.found.failure is not None:  # before a long traceback
        failure = record.found.failure
        said = (
            f"{failure['type']} at {failure['where']}: {failure['message'].partition(chr(10))[0]}"
        )
        lines += _wrapped(printable(said), width)
    lines += [f"  {line}".rstrip() for line in printable(record.report).splitlines()]
    return [*lines, "  again: " + shlex.join(command)]


def _wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)


def scenario_lines(scenario: Scenario, *, verbose: bool) -> Iterator[str]:
    """The entry of one scenario in `racecheck list`."""
    yield f"{scenario.name}  ({', '.join((scenario.anomaly, *scenario.cases))})"
    yield from _wrapped(scenario.title, 78)
    if verbose:
        source = scenario.source
        for text in (scenario.story, f"{source.document}, {source.section}", source.link):
            yield from _wrapped(text, 78, "    ")
    for variant in scenario.variants:
        yield f"    {variant.name:22} {'; '.join(_promises(variant))}"
        if verbose and variant.why:
            yield from _wrapped(variant.why, 78, "      ")


def _promises(variant: Variant) -> Iterator[str]:
    for mode, promise in (("controlled", variant.controlled), ("free", variant.free)):
        if promise is not None:
            yield _promise(mode, promise)


def _promise(mode: str, promise: Controlled | Free) -> str:
    way = " ".join((mode, *promise.size.transports))
    return f"{way}: {promise.expects}"


def claim_lines(claim: Claim, standing: str | None) -> Iterator[str]:
    """One claim with our verdict and what shows it; `standing` is how a run bore it out."""
    yield f"{claim.verdict.upper()}  {claim.id}"
    yield from _wrapped(f"“{claim.text}” ({claim.document}, {claim.section})", 78)
    yield from _wrapped(claim.because, 78)
    for shown in claim.shown_by:
        yield f"  shown by: {shown}"
    if claim.evidence:
        yield from _wrapped(f"evidence: {claim.evidence}", 78)
    if standing is not None:
        yield f"  this run: {standing}"
