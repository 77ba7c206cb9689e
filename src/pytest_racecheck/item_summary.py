"""The summary section: what was explored in this session, and what each verdict is worth."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any


def write_summary(reporter: Any, found: list[tuple[Any, str]]) -> None:
    """Write one line of totals, and one for each test that says more than "explored and passed"."""
    findings = [(report.nodeid, json.loads(text)) for report, text in found]
    explored = [(nodeid, f) for nodeid, f in findings if "started no thread" not in f["reason"]]
    reporter.write_sep("=", "racecheck")
    verdicts = Counter(f["verdict"] for _, f in explored)
    executions = sum(f["executions"] for _, f in explored)
    counts = ", ".join(
        f"{verdicts[v]} {v}" for v in ("reproduced", "ruled out", "inconclusive") if verdicts[v]
    )
    idle = len(findings) - len(explored)
    reporter.write_line(
        f"{len(explored)} test{'' if len(explored) == 1 else 's'} explored, "
        f"{executions:,} executions: {counts or 'nothing to interleave'}"
        + (f"; {idle} started no thread" if idle else "")
    )
    width = reporter._tw.fullwidth
    for nodeid, finding in explored:
        for line in _lines(nodeid, finding):
            reporter.write_line(line if len(line) <= width else _folded(line, width))


def _lines(nodeid: str, finding: dict[str, Any]) -> list[str]:
    lines = [f"{finding['verdict']}: {nodeid}"]
    if finding["verdict"] != "reproduced":
        lines.append(f"    {finding['reason'].splitlines()[0]}")
    lines += [f"    warning: {text.splitlines()[0]}" for text in finding["warnings"]]
    return lines


def _folded(line: str, width: int) -> str:
    import textwrap

    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
