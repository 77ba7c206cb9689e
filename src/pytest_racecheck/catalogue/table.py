"""Writes scenarios/README.md and docs/claims.md from the record of a real run (`make catalogue`).

    racecheck run --json results.json; python -m pytest_racecheck.catalogue.table results.json

The record is kept as scenarios/measured.json, so that a test can compare pages, record and
declarations. Results of a part of the scenarios replace that part of the record.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue.claims import Claim, read_claims, standing
from pytest_racecheck.catalogue.find import read_all, scenarios_folder, select
from pytest_racecheck.catalogue.jobs import Wishes, jobs_for
from pytest_racecheck.catalogue.record import VERSION
from pytest_racecheck.catalogue.scenario import Scenario, Variant
from pytest_racecheck.catalogue.show import MARKS, scope
from pytest_racecheck.errors import RacecheckError, UsageError

RECORD, README, CLAIMS = "measured.json", "README.md", "claims.md"
Finding = Mapping[str, Any]
Identity = tuple[str, str, str, str | None]

_HEAD = """\
# Scenarios

One folder for each documented race: `scenario.toml` says what it is, where it is documented and
what each variant promises; `workload.py` says who asks what of the system and what must hold; every
other file is one variant of the system, complete and readable alone.

This page is written by `make catalogue` from [measured.json](measured.json), the record of a real
run ({environment}), in which {kept} of {all} promises were kept;
a test compares the two. The size is threads × messages. A verdict speaks for what stands beside it
and for nothing more:

- *reproduced*: a failure, and the replays of its schedule end in the same failure (controlled), or
  it came so often (free);
- *ruled out*: every schedule within the stated bound was run, and none failed;
- *inconclusive*: a clean sample. What it is worth is what its positive control shows.
"""
_CLAIMS_HEAD = """\
# What the documents claim, and what we found

Written by `make catalogue` from `scenarios/claims.toml` and the record of a real run. A verdict is
borne out by variants that keep their promises; `racecheck claims --run` judges them again.
"""


def identity(finding: Finding) -> Identity:
    """What a finding is about."""
    return finding["scenario"], finding["variant"], finding["mode"], finding["transport"]


def declared(folder: Path) -> list[Identity]:
    """What the scenarios in `folder` declare to be run, in order."""
    jobs = jobs_for(select(folder, []), Wishes())
    return [(job.scenario.name, job.variant.name, job.mode, job.transport) for job in jobs]


def merged(
    declared_ones: Sequence[Identity], record: Sequence[Finding], results: Sequence[Finding]
) -> list[Finding]:
    """The record with the results in place of what they replace, without what is not declared.

    Raises UsageError naming the first declared one that is in neither.
    """
    known = {identity(finding): finding for finding in (*record, *results)}
    for one in declared_ones:
        if one not in known:
            raise UsageError(f"no result for {' '.join(filter(None, one))}: run it, too")
    return [known[one] for one in declared_ones]


def readme(scenarios: Sequence[Scenario], record: Mapping[str, Any]) -> str:
    """The text of scenarios/README.md."""
    findings = record["findings"]
    head = {
        "environment": ", ".join(
            f"{name} {value}" for name, value in record["environment"].items()
        ),
        "kept": sum(one["kept"] is True for one in findings),
        "all": len(findings),
    }
    lines = [_HEAD.format(**head)]
    for scenario in scenarios:
        lines += _section(scenario, [one for one in findings if one["scenario"] == scenario.name])
    return "\n".join(lines).rstrip() + "\n"


def _section(scenario: Scenario, findings: Sequence[Finding]) -> Iterator[str]:
    source = scenario.source
    yield f"## [{scenario.name}]({scenario.name}/)\n"
    cases = f" ({', '.join(scenario.cases)})" if scenario.cases else ""
    yield f"**{scenario.title}**{cases}\n"
    if scenario.story:
        yield " ".join(scenario.story.split()) + "\n"
    yield f"Source: [{source.document}, {source.section}]({source.link})\n"
    yield "| variant | role | run | size | verdict | scope |"
    yield "|---|---|---|---|---|---|"
    for finding in findings:
        yield _row(finding, _size(scenario.variant(finding["variant"]), finding["mode"]))
    yield ""
    for variant in scenario.variants:
        if variant.why:
            yield f"- `{variant.name}`: {' '.join(variant.why.split())}"
    if any(variant.why for variant in scenario.variants):
        yield ""


def _size(variant: Variant, mode: str) -> str:
    promise = variant.controlled if mode == "controlled" else variant.free
    return f"{promise.size.threads} × {promise.size.messages}" if promise else "?"


def _row(finding: Finding, size: str) -> str:
    way = " ".join(filter(None, (finding["mode"], finding["transport"])))
    said = finding["verdict"] + (f" ({finding['grade']})" if finding["grade"] else "")
    if not finding["kept"]:
        said = f"**{MARKS[finding['kept']]}** {said}"
    words = scope(finding) if finding["verdict"] == "reproduced" else finding["reason"]
    cells = (f"`{finding['variant']}`", finding["role"], way, size, said, _cell(words))
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def claims_page(claims: Sequence[Claim], findings: Sequence[Finding]) -> str:
    """The text of docs/claims.md."""
    lines = [_CLAIMS_HEAD]
    for claim in claims:
        lines.append(f"## {claim.verdict}: {claim.id}\n")
        quote = "\n".join(f"> {line}" for line in claim.text.strip().splitlines())
        lines += [quote, f">\n> ({claim.document}, {claim.section})\n"]
        lines.append(" ".join(claim.because.split()) + "\n")
        for shown in claim.shown_by:
            folder = f"../scenarios/{shown.scenario}/"
            lines.append(f"- [{shown}]({folder})")
        if claim.evidence:
            lines.append(f"- evidence: {' '.join(claim.evidence.split())}")
        if claim.shown_by:
            lines.append(f"- in the recorded run: {standing(claim, findings)}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def read_results(file: Path) -> dict[str, Any]:
    """The JSON document of a run, or the record. Raises UsageError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"{file}: it cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise UsageError(f"{file}: it is not JSON: {problem}") from problem
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise UsageError(
            f"{file}: expected the results of `racecheck run --json`, version {VERSION}"
        )
    return content


def write(results: Path, scenarios: Path, docs: Path) -> None:
    """Bring record and pages up to date with `results`. Raises UsageError."""
    content = read_results(results)
    old = scenarios / RECORD
    before = read_results(old)["findings"] if old.is_file() else []
    record = {
        "version": VERSION,
        "environment": content["summary"]["environment"],
        "findings": merged(declared(scenarios), before, content["findings"]),
    }
    old.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    page = readme(read_all(scenarios), record)
    (scenarios / README).write_text(page, encoding="utf-8")
    claims = claims_page(read_claims(scenarios), record["findings"])
    (docs / CLAIMS).write_text(claims, encoding="utf-8")


def main(words: Sequence[str]) -> None:
    """The command line: the file with the results."""
    try:
        if len(words) != 1:
            raise UsageError("name the file that `racecheck run --json FILE` wrote")
        scenarios = scenarios_folder()
        write(Path(words[0]), scenarios, scenarios.parent / "docs")
    except RacecheckError as problem:
        raise SystemExit(str(problem)) from problem


if __name__ == "__main__":
    main(sys.argv[1:])
