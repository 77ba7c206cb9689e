"""The reference pages on options and API, compared with the code they speak about."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import pytest_racecheck
from pytest_racecheck import Failure, Finding, Verdict, item_plan, plugin
from pytest_racecheck.diagnosis import Plan
from pytest_racecheck.engine.strategies.make import DEFAULT_PREEMPTIONS, STRATEGY_NAMES
from pytest_racecheck.engine.strategies.pct import PCT
from pytest_racecheck.spawning import Spawner

REFERENCE = Path(__file__).parents[1] / "reference"


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The first table below a heading: the names in the first cell, to the other cells."""
    text = (REFERENCE / page).read_text()
    assert f"\n{heading}\n" in text, f"{page} has no heading {heading}"
    section = re.split(r"\n#+ ", text.split(f"\n{heading}\n", 1)[1])[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): rest for first, *rest in cells for name in first.split("`, `")}


def test_the_marker_has_the_keywords_and_defaults_that_are_listed() -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(Plan)}
    defaults |= {"preemptions": DEFAULT_PREEMPTIONS, "replay": None}
    defaults["depth"] = inspect.signature(PCT).parameters["depth"].default
    listed = rows("options.md", "## The marker")
    assert set(listed) == set(item_plan._FROM_MARKER)
    for name, (default, _) in listed.items():
        told = default.strip("`").strip('"')
        assert told == ("" if defaults[name] is None else str(defaults[name])), name


def test_pytest_lists_the_same_keywords(request: pytest.FixtureRequest) -> None:
    line = next(one for one in request.config.getini("markers") if one.startswith("racecheck("))
    told = re.findall(r"(\w+)=", line)
    assert sorted(told) == sorted(rows("options.md", "## The marker"))


def test_every_option_and_ini_value_is_listed(request: pytest.FixtureRequest) -> None:
    listed = rows("options.md", "## The command line and the ini file")
    options = {name.split()[0] for name in listed if name}
    assert options == {
        option
        for group in request.config._parser._groups
        if group.name == "racecheck"
        for known in group.options
        for option in known.names()
    }
    values = {first.strip("`") for first, *_ in listed.values() if first}
    known = {name for name in request.config._parser._inidict if name.startswith("racecheck")}
    assert values == known
    assert {f"racecheck_{name}" for name in plugin._OPTIONS} <= values


def test_every_strategy_is_listed() -> None:
    assert set(rows("options.md", "## Strategies")) == set(STRATEGY_NAMES)


@pytest.mark.parametrize(("heading", "kind"), [("## Finding", Finding), ("## Failure", Failure)])
def test_every_field_is_listed(heading: str, kind: type) -> None:
    assert set(rows("api.md", heading)) == {field.name for field in dataclasses.fields(kind)}


def test_the_verdicts_are_named() -> None:
    text = (REFERENCE / "api.md").read_text()
    for verdict in Verdict:
        assert f"`{verdict.name}`" in text
        assert f'`"{verdict}"`' in text


def test_every_public_name_has_its_section() -> None:
    headings = re.findall(r"^## (?:The fixture `)?(\w+)", (REFERENCE / "api.md").read_text(), re.M)
    assert set(pytest_racecheck.__all__) | {"racecheck", "Errors"} == set(headings)


def test_the_fixture_has_the_calls_that_are_listed() -> None:
    calls = rows("api.md", "## The fixture `racecheck`")
    listed = {name.removeprefix("racecheck.").partition("(")[0] for name in calls}
    offered = {name for name in vars(Spawner) if not name.startswith("_")}
    assert listed == offered - {"close"}  # called by the fixture itself


def test_every_argument_beyond_the_markers_is_named() -> None:
    text = (REFERENCE / "api.md").read_text()
    for name in {field.name for field in dataclasses.fields(Plan)} - set(item_plan._FROM_MARKER):
        assert f"`{name}`" in text, name


def test_the_glossary_is_in_order() -> None:
    lines = (REFERENCE / "glossary.md").read_text().splitlines()
    words = [line.split(" | ")[0].strip("| ") for line in lines if line.startswith("| ")][1:]
    assert words == sorted(words)
