"""Mean and 95th percentile of trials, some of which may not have found anything."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import Any

from tests.bench.sctbench.cells import is_cut_off


@dataclass(frozen=True)
class Summary:
    """Of ``wanted`` seeds ``tried`` ran, ``found`` found the bug and ``cut_off`` lacked the time.

    ``mean`` is all schedules divided by the number of finds: the usual mean when every seed finds
    the bug, and what the maximum of the likelihood says otherwise.  ``p95`` and ``most`` are
    infinite when seeds that have found nothing are among the first 95 (100) percent.
    """

    wanted: int
    tried: int
    found: int
    cut_off: int
    schedules: int
    mean: float
    p95: float
    most: float

    @property
    def complete(self) -> bool:
        """Whether every seed ran to the bug or to the cap."""
        return self.tried == self.wanted and not self.cut_off

    @property
    def all_found(self) -> bool:
        """Whether every seed found the bug."""
        return self.found == self.wanted


def summary(entry: dict[str, Any], wanted: int, cap: float = inf) -> Summary:
    """Of the trials of a cell; what was found after more than ``cap`` schedules was not."""
    trials = entry.get("trials", [])
    hits = sorted(t["schedules"] for t in trials if t["found"] and t["schedules"] <= cap)
    made = sum(min(t["schedules"], cap) for t in trials)
    found = len(hits)
    ranked = [*hits, *[inf] * (wanted - found)]
    cut_off = sum(is_cut_off(t, min(cap, entry["cap"])) for t in trials)
    return Summary(
        wanted,
        len(trials),
        found,
        cut_off,
        int(made),
        made / found if found else inf,
        ranked[ceil(0.95 * wanted) - 1],
        ranked[-1],
    )


def told(found: Summary) -> str:
    """For a table: "mean · p95", and how many found it if not all did."""
    if not found.found:
        return f"– (0/{found.tried}, {found.schedules:,})"
    mean = f"{found.mean:.0f}" if found.mean >= 9.95 else f"{found.mean:.1f}"
    if found.all_found:
        return f"{mean} · {found.p95:,.0f}"
    return f"{mean} ({found.found}/{found.tried})"
