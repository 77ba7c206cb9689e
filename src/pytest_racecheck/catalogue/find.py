"""Finds the scenarios on disk, and those that the user named."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from pytest_racecheck.catalogue.names import did_you_mean
from pytest_racecheck.catalogue.reading import read_scenario
from pytest_racecheck.catalogue.scenario import Scenario, Variant
from pytest_racecheck.errors import UsageError

WIDTH = 68  # of a list of names, behind "racecheck: " in a terminal of 80 columns
_PACKAGE = Path(__file__).resolve().parent.parent


def scenarios_folder(named: str | None = None) -> Path:
    """The folder `named`, else the one installed with the package, else that of the checkout.

    Raises UsageError when there is none.
    """
    if named is not None:
        folder = Path(named)
        if not folder.is_dir():
            raise UsageError(f"--scenarios {named}: there is no such folder")
        return folder.resolve()
    for folder in (_PACKAGE / "scenarios", _PACKAGE.parent.parent / "scenarios"):
        if folder.is_dir():
            return folder
    raise UsageError("no scenarios are installed here: name a folder with --scenarios DIR")


def scenario_names(folder: Path) -> list[str]:
    """The names of the scenarios in `folder`, sorted. Raises UsageError when there is none."""
    names = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith((".", "_"))
    )
    if not names:
        raise UsageError(f"{folder}: there is no scenario in it (a folder with a scenario.toml)")
    return names


def read_all(folder: Path) -> list[Scenario]:
    """Every scenario in `folder`, by name. Raises UsageError."""
    return [read_scenario(folder / name) for name in scenario_names(folder)]


def select(folder: Path, wanted: Sequence[str]) -> list[tuple[Scenario, Variant]]:
    """The variants that `wanted` names ("SCENARIO" or "SCENARIO/VARIANT"); all when it is empty.

    In the order of the folder, each once. Only the scenarios asked for are read, so that a broken
    one elsewhere does not stop them. Raises UsageError with the near name.
    """
    names = scenario_names(folder)
    asked = dict.fromkeys(_split(text, names) for text in wanted or names)
    pairs: list[tuple[Scenario, Variant]] = []
    for name in names:
        variants = [variant for scenario, variant in asked if scenario == name]
        if not variants:
            continue
        scenario = read_scenario(folder / name)
        for variant in variants:
            if variant is not None:
                scenario.variant(variant)
        pairs += [
            (scenario, variant)
            for variant in scenario.variants
            if None in variants or variant.name in variants
        ]
    return pairs


def _split(text: str, names: Sequence[str]) -> tuple[str, str | None]:
    scenario, slash, variant = text.partition("/")
    if scenario not in names:
        said = f"unknown scenario {scenario!r}: {did_you_mean(scenario, names)}"
        raise UsageError(textwrap.fill(said, WIDTH, break_on_hyphens=False))
    return scenario, variant if slash else None
