"""What the minimised failures add up to: a line a program, and whether the targets are reached."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

#: Of an issue: this share at the exact minimum, within so many replays and so many seconds.
SHARE, REPLAYS, SECONDS, CHARACTERS = 0.95, 150, 0.5, 100


def show(results: dict[str, Any]) -> None:
    """Print both tables."""
    print(
        "| program | failures | before | fewest | reached | known by | replays | CPU ms | chars |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, entry in results.items():
        if entry["cases"]:
            print(_line(name, entry))
    print()
    for line in summary(results):
        print(line)


def _line(name: str, entry: dict[str, Any]) -> str:
    found = entry["cases"]
    ways = entry["fewest"]
    reached = [case["interruptions"] for case in found]
    cells = (
        name,
        len(found),
        f"{mean(case['interruptions_before'] for case in found):.1f}",
        ", ".join(sorted({str(least) for least, _ in ways.values()})),
        ", ".join(map(str, sorted(set(reached)))),
        "; ".join(sorted({how for _, how in ways.values()})),
        f"{mean(case['replays'] for case in found):.0f}",
        f"{mean(case['seconds'] for case in found) * 1000:.0f}",
        max(case["characters"] for case in found),
    )
    return f"| {' | '.join(map(str, cells))} |"


def is_minimal(case: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether no schedule with fewer preemptions ends in the same failure."""
    least, _ = entry["fewest"]["|".join(case["identity"])]
    return bool(case["interruptions"] == least)


def summary(results: dict[str, Any]) -> list[str]:
    """One line for each target."""
    pairs = [(case, entry) for entry in results.values() for case in entry["cases"]]
    found = [case for case, _ in pairs]
    minimal = sum(is_minimal(case, entry) for case, entry in pairs)
    short = sum(case["characters"] <= CHARACTERS for case in found)
    seconds = percentile([case["seconds"] for case in found], 0.95)
    decided = [case for case, entry in pairs if entry["passes"]]
    named = sum(case["orders"] > 0 for case in decided)
    most = max(case["replays"] for case in found)
    return [
        _target("exact minimum", minimal, len(found)),
        f"replays: {mean(c['replays'] for c in found):.1f} in the mean, {most} at most "
        f"(target {REPLAYS})",
        f"CPU time: {seconds:.3f} s at the 95th percentile (target {SECONDS})",
        _target(f"texts of at most {CHARACTERS} characters", short, len(found)),
        _target("an order that decides is named and verified", named, len(decided)),
    ]


def _target(what: str, reached: int, of: int) -> str:
    share = reached / of if of else 0.0
    verdict = "reached" if share >= SHARE else "MISSED"
    return f"{what}: {reached} of {of} ({share:.1%}, target {SHARE:.0%}: {verdict})"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by ``share`` of them."""
    ranked = sorted(values)
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)]
