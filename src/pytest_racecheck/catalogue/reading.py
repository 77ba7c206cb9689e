"""Reads scenario.toml: every key and value checked; errors name file, key and what fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue import schema
from pytest_racecheck.catalogue.names import did_you_mean
from pytest_racecheck.catalogue.scenario import (
    ANOMALIES,
    MODES,
    POINTS,
    REQUIREMENTS,
    ROLES,
    STRATEGIES,
    TRANSPORTS,
    VERDICTS,
    Bounds,
    Controlled,
    Free,
    Scenario,
    Size,
    Source,
    Variant,
    with_budget,
)
from pytest_racecheck.catalogue.schema import ScenarioError

_TRANSPORT_LIST = schema.list_of(*TRANSPORTS)
_SCENARIO = {
    "title": schema.TEXT.needed(),
    "system": schema.TEXT.needed(),
    "anomaly": schema.one_of(*ANOMALIES).needed(),
    "cases": schema.list_of().needed(),
    "requires": schema.list_of(*REQUIREMENTS).needed(),
    "modes": schema.list_of(*MODES).needed(),
    "transports": _TRANSPORT_LIST,
    "story": schema.TEXT.otherwise(""),
    "source": schema.TABLE.needed(),
    "bounds": schema.TABLE.otherwise({}),
    "workload": schema.TABLE.needed(),
    "variants": schema.TABLE.needed(),
}
_SOURCE = {
    "document": schema.TEXT.needed(),
    "section": schema.TEXT.needed(),
    "quote": schema.TWO_LINES.needed(),
    "link": schema.TEXT.needed(),
}
_BOUNDS = {
    "strategy": schema.one_of(*STRATEGIES).otherwise("portfolio"),
    "preemptions": schema.whole(0),
    "executions": schema.whole(1).otherwise(1000),
    "seconds": schema.SECONDS.otherwise(10),
    "points": schema.one_of(*POINTS).otherwise("sync"),
}
_WORKLOAD = {"controlled": schema.TABLE, "free": schema.TABLE}
_SIZE = {
    "threads": schema.whole(1).needed(),
    "messages": schema.whole(1).needed(),
    "transports": _TRANSPORT_LIST,
}
_FREE_SIZE = {**_SIZE, "deadline_s": schema.SECONDS.needed()}
_VARIANT = {
    "role": schema.one_of(*ROLES).needed(),
    "expects": schema.one_of(*VERDICTS),
    "file": schema.TEXT,
    "why": schema.TEXT.otherwise(""),
    "cases": schema.list_of(),
    "requires": schema.list_of(*REQUIREMENTS),
    "modes": schema.list_of(*MODES),
    "transports": _TRANSPORT_LIST,
    "isolate": schema.FLAG.otherwise(False),
    "bounds": schema.TABLE.otherwise({}),
    "controlled": schema.TABLE.otherwise({}),
    "free": schema.TABLE,
}
_OPTIONAL_SIZE = {
    "threads": schema.whole(1),
    "messages": schema.whole(1),
    "transports": _TRANSPORT_LIST,
}
_CONTROLLED = {
    **_OPTIONAL_SIZE,
    "expects": schema.one_of(*VERDICTS),
    "kind": schema.TEXT,
}
_FREE = {
    **_OPTIONAL_SIZE,
    "deadline_s": schema.SECONDS,
    "expects": schema.one_of("reproduced", "inconclusive").needed(),
    "runs": schema.whole(1).needed(),
    "kind": schema.TEXT,
    "min_rate": schema.share(),
    "max_rate": schema.share(),
    "control": schema.TEXT,
    "control_runs": schema.whole(1),
    "power": schema.FLAG,
}
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def read_scenario(folder: Path) -> Scenario:
    """The scenario declared in `folder`. Raises ScenarioError naming file, key and expectation."""
    return _Reader(folder).read()


class _Reader:
    """One scenario.toml on its way to a Scenario."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scenario.toml"

    def read(self) -> Scenario:
        """Everything, checked."""
        top = self._check("", schema.read_toml(self._file), _SCENARIO)
        self._top = top
        source = self._check("source", top["source"], _SOURCE)
        self._bounds = Bounds(**self._check("bounds", top["bounds"], _BOUNDS))
        if self._bounds.strategy != "bounded" and self._bounds.preemptions is not None:
            raise self._uncounted("bounds", self._bounds)
        self._sizes = self._read_sizes(top)
        if not top["variants"]:
            raise self._error("variants", "expected at least one variant")
        variants = tuple(self._variant(*item) for item in top["variants"].items())
        scenario = Scenario(
            name=self._folder.name,
            folder=self._folder,
            title=top["title"],
            system=top["system"],
            anomaly=top["anomaly"],
            cases=tuple(top["cases"]),
            requires=tuple(top["requires"]),
            transports=tuple(top["transports"] or ()),
            story=top["story"],
            source=Source(**source),
            variants=variants,
        )
        self._check_folder(scenario)
        return scenario

    def _read_sizes(self, top: dict[str, Any]) -> dict[str, dict[str, Any]]:
        workload = self._check("workload", top["workload"], _WORKLOAD)
        sizes = {}
        for mode, keys in (("controlled", _SIZE), ("free", _FREE_SIZE)):
            if workload[mode] is not None:
                sizes[mode] = self._check(f"workload.{mode}", workload[mode], keys)
            elif mode in top["modes"]:
                raise self._error(f"workload.{mode}", f"missing, although modes name {mode!r}")
        return sizes

    def _variant(self, name: str, table: Any) -> Variant:
        where = f"variants.{name}"
        if not _NAME.match(name):
            raise self._error(where, "expected a name of small letters, digits and underscores")
        if not isinstance(table, dict):
            raise self._error(where, "expected a table")
        given = self._check(where, table, _VARIANT)
        top = self._top
        modes = given["modes"] if given["modes"] is not None else top["modes"]
        requires = [*top["requires"], *(given["requires"] or ())]
        return Variant(
            name=name,
            role=given["role"],
            stem=given["file"] or name,
            why=given["why"],
            cases=tuple(top["cases"] if given["cases"] is None else given["cases"]),
            requires=tuple(dict.fromkeys(requires)),
            isolate=given["isolate"],
            controlled=self._controlled(where, given) if "controlled" in modes else None,
            free=self._free(where, given) if "free" in modes and given["free"] else None,
        )

    def _controlled(self, where: str, given: dict[str, Any]) -> Controlled:
        own = self._check(f"{where}.controlled", given["controlled"], _CONTROLLED)
        changed = given["bounds"]
        self._check(f"{where}.bounds", changed, _BOUNDS)
        expects = own["expects"] or given["expects"]
        if expects is None:
            raise self._error(f"{where}.expects", "missing: expected one of " + ", ".join(VERDICTS))
        bounds = with_budget(self._bounds, **changed)
        if bounds.preemptions is None and "preemptions" in changed:
            raise self._uncounted(f"{where}.bounds", bounds)
        if expects == "ruled out" and bounds.strategy not in ("bounded", "exhaustive"):
            raise self._error(
                f"{where}.expects",
                f"the strategy {bounds.strategy!r} cannot rule out: expected bounded or exhaustive",
            )
        return Controlled(self._size("controlled", where, given, own), bounds, expects, own["kind"])

    def _uncounted(self, where: str, bounds: Bounds) -> ScenarioError:
        sentence = f"has no meaning with the strategy {bounds.strategy!r}: only bounded counts them"
        return self._error(f"{where}.preemptions", sentence)

    def _free(self, where: str, given: dict[str, Any]) -> Free:
        where = f"{where}.free"
        own = self._check(where, given["free"], _FREE)
        self._check_promise(where, own)
        size = self._size("free", where, given, own)
        clean = own["expects"] == "inconclusive"
        return Free(
            size=size,
            deadline_s=own["deadline_s"] or self._sizes["free"]["deadline_s"],
            expects=own["expects"],
            runs=own["runs"],
            kind=own["kind"],
            min_rate=own["min_rate"] or 0.0,
            max_rate=1.0 if own["max_rate"] is None else own["max_rate"],
            control=own["control"],
            control_runs=own["control_runs"] or own["runs"],
            power=clean and own["power"] is not False,
        )

    def _check_promise(self, where: str, own: dict[str, Any]) -> None:
        clean = own["expects"] == "inconclusive"
        needed = ("control", "min_rate") if clean else ()
        foreign = ("kind", "max_rate") if clean else ("control", "control_runs", "power")
        for name in needed:
            if own[name] is None:
                raise self._error(
                    f"{where}.{name}", "missing: a clean sample is worth what its control shows"
                )
        for name in foreign:
            if own[name] is not None:
                raise self._error(
                    f"{where}.{name}", f"has no meaning with expects = {own['expects']!r}"
                )
        if own["control"] is not None and own["control"] not in self._top["variants"]:
            near = did_you_mean(own["control"], self._top["variants"])
            raise self._error(f"{where}.control", f"no variant {own['control']!r}: {near}")

    def _size(
        self, mode: str, where: str, given: Mapping[str, Any], own: Mapping[str, Any]
    ) -> Size:
        shared = self._sizes.get(mode)
        if shared is None:
            raise self._error(where, f"it runs {mode}, but there is no [workload.{mode}]")
        offered = (own, given, shared, self._top)
        transports = next(
            (table["transports"] for table in offered if table["transports"] is not None), ()
        )
        if "zeromq" in self._top["requires"] and not transports:
            raise self._error("transports", f"missing: expected a list of {', '.join(TRANSPORTS)}")
        return Size(
            threads=own["threads"] or shared["threads"],
            messages=own["messages"] or shared["messages"],
            transports=tuple(transports),
        )

    def _check_folder(self, scenario: Scenario) -> None:
        for stem in ("workload", *(variant.stem for variant in scenario.variants)):
            if not _NAME.match(stem) or not (self._folder / f"{stem}.py").is_file():
                raise ScenarioError(f"{self._file}: there is no {stem}.py beside it")

    def _check(
        self, where: str, table: Mapping[str, Any], keys: Mapping[str, schema.Key]
    ) -> dict[str, Any]:
        return schema.check(self._file, where, table, keys)

    def _error(self, key: str, sentence: str) -> ScenarioError:
        return ScenarioError(f"{self._file}: {key}: {sentence}")
