"""The reference page of the programs, compared with the programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_racecheck.signalling import kinds, options
from pytest_racecheck.signalling.kinds import Kind

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "signalling.md"
PROGRAMS = {
    "pair": kinds.PAIR,
    "pubsub": kinds.PUBSUB,
    "xpub": kinds.XPUB,
    "pushpull": kinds.PUSHPULL,
    "dealer_router": kinds.DEALER_ROUTER,
    "dealer_dealer": kinds.DEALER_DEALER,
    "clientserver": kinds.CLIENTSERVER,
}


def rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("kind", PROGRAMS.values(), ids=PROGRAMS)
def test_every_kind_names_sockets_that_zmq_has(kind: Kind) -> None:
    zmq = pytest.importorskip("zmq")
    assert hasattr(zmq, kind.sender)
    assert hasattr(zmq, kind.receiver)


def test_the_page_lists_the_programs_as_they_are() -> None:
    listed = {name.strip("`"): (sockets, how) for name, sockets, how in rows("The programs")}
    assert set(listed) == set(PROGRAMS)
    for name, kind in PROGRAMS.items():
        sockets, how = listed[name]
        assert sockets == f"{kind.sender} to {kind.receiver}"
        assert how.startswith(kind.connects)


def test_the_page_lists_the_options_as_they_are() -> None:
    parser = options._parser("any", "any")
    known = {
        name: action.default
        for action in parser._actions
        for name in action.option_strings
        if action.dest != "help"
    }
    listed = {
        name: default
        for first, default, _ in rows("Options")
        for name in re.findall(r"-[a-z]+", first)
    }
    assert set(listed) == set(known)
    for name, default in listed.items():
        assert default == ("" if known[name] is False else str(known[name])), name
