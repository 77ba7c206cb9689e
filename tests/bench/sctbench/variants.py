"""The strategies that hunt, by a short label: those of the table, PCT with each of its depths."""

from __future__ import annotations

import re
from typing import Any

from pytest_racecheck.engine.strategies.make import STRATEGY_NAMES, understood_by

#: These enumerate, or follow an order that is given.
NO_HUNTERS = frozenset({"exhaustive", "bounded", "scripted", "replay"})
DEPTHS = (1, 2, 3, 5)
DEFAULT = "portfolio"


def hunters() -> tuple[str, ...]:
    """The labels of all strategies that hunt; a new one is in it as soon as it has a name."""
    found: list[str] = []
    for name in STRATEGY_NAMES:
        if name in NO_HUNTERS:
            continue
        deep = "depth" in understood_by(name)
        found += [f"{name}{depth}" for depth in DEPTHS] if deep else [name]
    return tuple(found)


def options_of(label: str) -> dict[str, Any]:
    """The fields of a plan that a label stands for: "pct3" is the strategy "pct" of depth 3."""
    parts = re.fullmatch(r"([a-z_]+)(\d*)", label)
    if parts is None:
        raise ValueError(f"{label!r} is no strategy with a depth")
    name, depth = parts.groups()
    return {"strategy": name} | ({"depth": int(depth)} if depth else {})
