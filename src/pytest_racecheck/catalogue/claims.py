"""What the documents claim, our verdict on each claim, and the variants whose promises back it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue import schema
from pytest_racecheck.catalogue.find import scenario_names
from pytest_racecheck.catalogue.names import did_you_mean
from pytest_racecheck.catalogue.reading import read_scenario
from pytest_racecheck.catalogue.scenario import MODES, TRANSPORTS, Scenario, Variant
from pytest_racecheck.catalogue.schema import ScenarioError

VERDICTS = ("confirmed", "refuted", "misleading", "imprecise", "not judged")
_SHOWN_BY = schema.Key(
    "a list of tables { scenario, variant, mode }",
    lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
)
_CLAIM = {
    "id": schema.TEXT.needed(),
    "document": schema.TEXT.needed(),
    "section": schema.TEXT.needed(),
    "text": schema.TWO_LINES.needed(),
    "verdict": schema.one_of(*VERDICTS).needed(),
    "because": schema.TEXT.needed(),
    "shown_by": _SHOWN_BY.needed(),
    "evidence": schema.TEXT.otherwise(""),
}
_SHOWN = {
    "scenario": schema.TEXT.needed(),
    "variant": schema.TEXT.needed(),
    "mode": schema.one_of(*MODES).needed(),
    "transport": schema.one_of(*TRANSPORTS),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One variant in one mode whose kept promise backs a claim; transport None: over each."""

    scenario: str
    variant: str
    mode: str
    transport: str | None

    def __str__(self) -> str:
        return " ".join(
            filter(None, (f"{self.scenario}/{self.variant}", self.mode, self.transport))
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a document and what we say about it."""

    id: str
    document: str
    section: str
    text: str
    verdict: str
    because: str
    shown_by: tuple[Shown, ...]
    evidence: str


def read_claims(folder: Path) -> list[Claim]:
    """The claims in claims.toml of the scenarios' `folder`.

    Raises ScenarioError naming file and key, also when a claim is shown by a variant that is not
    there or not run that way.
    """
    file = folder / "claims.toml"
    top = schema.read_toml(file)
    tables = schema.check(file, "", top, {"claim": _SHOWN_BY.otherwise([])})["claim"]
    claims = [_claim(file, at, table) for at, table in enumerate(tables)]
    for claim in claims:
        if sum(claim.id == other.id for other in claims) > 1:
            raise ScenarioError(f"{file}: two claims have the id {claim.id!r}")
    _check_variants(file, folder, claims)
    return claims


def _claim(file: Path, at: int, table: Mapping[str, Any]) -> Claim:
    where = f"claim[{at}]"
    given = schema.check(file, where, table, _CLAIM)
    shown = [
        Shown(**schema.check(file, f"{where}.shown_by[{index}]", item, _SHOWN))
        for index, item in enumerate(given["shown_by"])
    ]
    if not shown and not given["evidence"]:
        raise ScenarioError(f"{file}: {where}.evidence: needed where shown_by is empty")
    return Claim(**{**given, "shown_by": tuple(shown)})


def _check_variants(file: Path, folder: Path, claims: Sequence[Claim]) -> None:
    names = scenario_names(folder)
    read: dict[str, Scenario] = {}
    for claim in claims:
        for shown in claim.shown_by:
            where = f"{file}: claim {claim.id!r} is shown by {shown}"
            if shown.scenario not in names:
                raise ScenarioError(
                    f"{where}: no such scenario, {did_you_mean(shown.scenario, names)}"
                )
            if shown.scenario not in read:
                read[shown.scenario] = read_scenario(folder / shown.scenario)
            variant = read[shown.scenario].variant(shown.variant)
            if not is_run(variant, shown):
                raise ScenarioError(f"{where}: the variant is not run that way")


def is_run(variant: Variant, shown: Shown) -> bool:
    """Whether the variant's declaration runs in the mode and over the transport of `shown`."""
    promise = variant.controlled if shown.mode == "controlled" else variant.free
    if promise is None:
        return False
    return shown.transport is None or shown.transport in promise.size.transports


def backs(shown: Shown, finding: Mapping[str, Any]) -> bool:
    """Whether `finding` (an object of the JSON) is one of those that `shown` speaks of."""
    same = all(finding[key] == getattr(shown, key) for key in ("scenario", "variant", "mode"))
    return same and shown.transport in (None, finding["transport"])


def standing(claim: Claim, findings: Sequence[Mapping[str, Any]]) -> str:
    """How the runs in `findings` bear the verdict out, in a few words."""
    if not claim.shown_by:
        return "not run: " + claim.evidence
    states = []
    for shown in claim.shown_by:
        kept = [finding["kept"] for finding in findings if backs(shown, finding)]
        states.append("not run" if not kept or None in kept else "kept" if all(kept) else "BROKEN")
    worst = next(state for state in ("BROKEN", "not run", "kept") if state in states)
    return {
        "BROKEN": "NOT BORNE OUT",
        "not run": "could not be run completely",
        "kept": f"borne out by {len(states)} of {len(states)} variants",
    }[worst]
