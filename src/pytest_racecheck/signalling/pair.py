"""Signalling program: PAIR sockets: each ping has its own connection, as in the document."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import PAIR
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("pair", PAIR)
