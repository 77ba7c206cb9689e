"""The summary section: what was explored in this session, and what each verdict is worth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pytest_racecheck.diagnosis.sightings import race
from pytest_racecheck.diagnosis.wrapping import wrap
from pytest_racecheck.faults.ledger import Injected

MAX_NAMED = 5
_SAVED = {
    "failed again": "by the schedule that was saved when it failed the last time",
    "dropped": "the schedule that was saved when it failed does not fail any more: dropped",
}


def write_summary(
    reporter: Any, found: list[tuple[Any, str]], stressed: Sequence[tuple[Any, str]] = ()
) -> None:
    """Write one line of totals, and one for each test that says more than "explored and passed"."""
    if not found:
        reporter.write_sep("=", "racecheck")
    else:
        _write_explored(reporter, found)
    width = reporter._tw.fullwidth
    for report, text in stressed:
        told = json.loads(text)
        _write(reporter, f"stressed: {report.nodeid}", width)
        _write(reporter, f"    {told['reason']}", width)
        for one in told["injected"]:
            _write(reporter, f"    injected: {Injected(**one).told()}", width)


def _write_explored(reporter: Any, found: list[tuple[Any, str]]) -> None:
    findings = [(report.nodeid, json.loads(text)) for report, text in found]
    refused = [(nodeid, f) for nodeid, f in findings if f["verdict"] == "not explored"]
    tried = [(nodeid, f) for nodeid, f in findings if f["verdict"] != "not explored"]
    explored = [(nodeid, f) for nodeid, f in tried if "started no thread" not in f["reason"]]
    reporter.write_sep("=", "racecheck")
    width = reporter._tw.fullwidth
    for line in [
        _totals([f for _, f in explored], len(tried) - len(explored)),
        *_refusals(refused),
    ]:
        _write(reporter, line, width)
    for note in dict.fromkeys(note for _, f in tried for note in f.get("notes", ())):
        _write(reporter, f"warning: {note}", width)
    for nodeid, finding in explored:
        for line in _lines(nodeid, finding):
            _write(reporter, line, width)


def _write(reporter: Any, line: str, width: int) -> None:
    indent = " " * (len(line) - len(line.lstrip()))
    for part in wrap(line, width, f"{indent}  "):
        reporter.write_line(part)


def _totals(explored: list[dict[str, Any]], idle: int) -> str:
    verdicts = Counter(f["verdict"] for f in explored)
    executions = sum(f["executions"] for f in explored)
    counts = ", ".join(
        f"{verdicts[v]} {v}" for v in ("reproduced", "ruled out", "inconclusive") if verdicts[v]
    )
    return (
        f"{_number(len(explored), 'test')} explored, {_number(executions, 'execution')}: "
        f"{counts or 'nothing to interleave'}"
    ) + (f"; {idle} started no thread" if idle else "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _races(packed: Sequence[dict[str, Any]]) -> list[str]:
    """Each with both stacks: a test that passes has no report where they would stand."""
    lines = []
    for one in packed[:MAX_NAMED]:
        lines += [f"    {line}" for line in race(one).told()]
    if len(packed) > MAX_NAMED:
        lines.append(f"    and {len(packed) - MAX_NAMED} more data races; one test alone tells all")
    return lines


def _refusals(refused: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Tests that ran once, as without us, by the reason why."""
    by_reason: dict[str, dict[str, None]] = {}
    for nodeid, finding in refused:  # a test with subtests has a report for each of them
        by_reason.setdefault(finding["reason"], {})[nodeid] = None
    return [
        f"not explored, run once: {', '.join(list(nodeids)[:MAX_NAMED])}"
        + (f" and {len(nodeids) - MAX_NAMED} more" if len(nodeids) > MAX_NAMED else "")
        + f": {reason}"
        for reason, nodeids in by_reason.items()
    ]


def _lines(nodeid: str, finding: dict[str, Any]) -> list[str]:
    lines = [f"{finding['verdict']}: {nodeid}"]
    if finding["verdict"] != "reproduced":
        lines.append(f"    {finding['reason'].splitlines()[0]}")
        lines += [f"    {text}" for text in finding.get("worth", ())]
        if finding["failure"] is not None:
            lines.append(
                f"    it failed with {finding['failure']['type']} at {finding['failure']['where']}"
            )
    lines += [f"    {guard['sentence']}" for guard in finding.get("guards", ())]
    if finding.get("saved") is not None:
        lines.append(f"    {_SAVED[finding['saved']]}")
    warnings = [text.splitlines()[0] for text in finding["warnings"]]
    lines += [f"    warning: {text}" for text in warnings if text not in finding["reason"]]
    lines += [f"    remark: {text}" for text in finding.get("remarks", ())]
    lines += [f"    injected: {Injected(**one).told()}" for one in finding.get("injected", ())]
    lines += _races(finding.get("races", ()))
    return lines
