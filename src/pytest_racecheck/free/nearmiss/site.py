"""A place in the code under test where a gate asks: what is done there, and to what."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from pytest_racecheck.free.nearmiss.contracts import Contracts, Effect

#: From so many passes in a run on a site is looked at now and then only, unless a pair names it.
DENSE_PASSES = 128
SPARSE_MASK = 63
#: After so many its function has no gates any more in this run, unless a pair of it is live.
DULL_PASSES = 2048


class Place(NamedTuple):
    """A line of a function; ``named`` is its file as it is called from run to run."""

    file: str
    named: str
    function: str
    line: int


class Site:
    """One call, item, loop step, attribute or global; ``key`` names it from run to run.

    ``name`` is the method ("append", "__setitem__", "__iter__"), the attribute or the global;
    ``shown`` is its source in short.  ``number`` counts sites of one function that look alike, so
    that an edit elsewhere in the file does not change the key.
    """

    __slots__ = (
        *("effects", "file", "function", "key", "line", "name", "passes", "prefix", "run"),
        *("scope", "shown"),
    )

    def __init__(self, place: Place, name: str, shown: str, number: int = 1) -> None:
        self.file, self.function, self.line = place.file, place.function, place.line
        self.name, self.shown = name, shown
        self.prefix = f"{place.named}:{place.function}:"  # of all sites of the function
        self.key = f"{self.prefix}{shown}#{number}"
        self.effects: dict[type, Effect | None] = {}
        self.passes = self.run = 0  # so many in the run of this number
        self.scope: dict[str, Any] | None = None  # of a global: its module's names

    def begin(self, run: int) -> None:
        """Another run, perhaps with other contracts."""
        self.run, self.passes = run, 0
        self.effects.clear()

    def classify(self, kind: type, contracts: Contracts) -> Effect | None:
        """What this site does to an object of type ``kind``; asked once for each type."""
        effect = self.effects[kind] = contracts.effect(kind, self.name)
        return effect

    @property
    def where(self) -> str:
        """As "file.py:12"."""
        return f"{os.path.basename(self.file)}:{self.line}"
