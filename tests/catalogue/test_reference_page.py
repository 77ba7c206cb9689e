"""The page on the format names every key and word that the reader accepts, and the JSON's keys."""

import re
from pathlib import Path

import pytest

from pytest_racecheck.catalogue import claims, reading, scenario
from pytest_racecheck.catalogue.record import Found, Record

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"
TABLES = {
    "scenario": reading._SCENARIO,
    "source": reading._SOURCE,
    "bounds": reading._BOUNDS,
    "workload": reading._FREE_SIZE,
    "variant": reading._VARIANT,
    "controlled": reading._CONTROLLED,
    "free": reading._FREE,
    "claim": claims._CLAIM,
    "shown_by": claims._SHOWN,
}
WORDS = {
    "anomalies": scenario.ANOMALIES,
    "modes": scenario.MODES,
    "transports": scenario.TRANSPORTS,
    "requirements": scenario.REQUIREMENTS,
    "roles": scenario.ROLES,
    "verdicts": scenario.VERDICTS,
    "verdicts on claims": claims.VERDICTS,
}


def words_in_code(page):
    """What stands between backquotes, word by word, so that `[variants.NAME.free]` names free."""
    text = re.sub(r"```.*?```", "", (REFERENCE / page).read_text(), flags=re.DOTALL)
    quoted = re.findall(r"`([^`]+)`", text)
    return {*quoted, *(word for one in quoted for word in re.findall(r"[\w-]+", one))}


@pytest.mark.parametrize(("what", "names"), [*TABLES.items(), *WORDS.items()])
def test_the_format_page_names_everything_that_is_accepted(what, names):
    assert sorted(set(names) - words_in_code("scenario-format.md")) == []


def test_the_command_page_names_every_key_of_the_json():
    made = Record("s", "v", "buggy", (), "free", None, "reproduced", True, Found())
    assert sorted(set(made.as_json()) - words_in_code("command.md")) == []
