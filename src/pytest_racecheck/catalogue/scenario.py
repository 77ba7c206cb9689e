"""What a scenario is: frozen data, read from scenario.toml without importing any of its code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue.names import did_you_mean
from pytest_racecheck.catalogue.schema import ScenarioError

ANOMALIES = (
    "deadlock", "hang", "lost message", "reordering", "duplicate", "illegal sharing",
    "misdelivery", "none",
)  # fmt: skip
MODES = ("controlled", "free")
TRANSPORTS = ("inproc", "tcp", "ipc")
REQUIREMENTS = ("zeromq", "zmq-draft", "postgres", "pgmq")
ROLES = ("buggy", "fixed", "tempting", "control")
VERDICTS = ("reproduced", "ruled out", "inconclusive")
#: What is expected of a system of the user's; no scenario promises it.
NOT_REPRODUCED = "not reproduced"
STRATEGIES = (
    "portfolio", "random", "pct", "pos", "surw", "exhaustive", "bounded", "replay", "scripted",
)  # fmt: skip
POINTS = ("sync", "access")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the documented system is documented."""

    document: str
    section: str
    quote: str
    link: str


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the workload is run, over which transports (empty: it has none)."""

    threads: int
    messages: int
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits a search under control."""

    strategy: str
    executions: int
    seconds: float
    preemptions: int | None
    points: str


@dataclass(frozen=True, slots=True)
class Controlled:
    """What a variant promises when it is explored."""

    size: Size
    bounds: Bounds
    expects: str
    kind: str | None


@dataclass(frozen=True, slots=True)
class Free:
    """What a variant promises when it runs on free threads, `runs` times, `deadline_s` each.

    A clean sample needs `control`: the variant whose file fails in the same harness at
    `min_rate` or more; `power` false is the promise that it does not fail that often.
    """

    size: Size
    deadline_s: float
    expects: str
    runs: int
    kind: str | None
    min_rate: float
    max_rate: float
    control: str | None
    control_runs: int
    power: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One implementation under the scenario, and its promises by mode (None: not run so)."""

    name: str
    role: str
    stem: str
    why: str
    cases: tuple[str, ...]
    requires: tuple[str, ...]
    isolate: bool
    controlled: Controlled | None
    free: Free | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One folder of the catalogue."""

    name: str
    folder: Path
    title: str
    system: str
    anomaly: str
    cases: tuple[str, ...]
    requires: tuple[str, ...]
    transports: tuple[str, ...]
    story: str
    source: Source
    variants: tuple[Variant, ...]

    def variant(self, name: str) -> Variant:
        """The variant called `name`. Raises ScenarioError with the near name."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        known = [variant.name for variant in self.variants]
        raise ScenarioError(f"{self.name} has no variant {name!r}: {did_you_mean(name, known)}")


def with_budget(bounds: Bounds, **changes: Any) -> Bounds:
    """`bounds` with those `changes` that are not None; only "bounded" keeps its preemptions."""
    wanted = {name: value for name, value in changes.items() if value is not None}
    changed = replace(bounds, **wanted)
    return changed if changed.strategy == "bounded" else replace(changed, preemptions=None)
