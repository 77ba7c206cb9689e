"""Signalling program: one CLIENT socket for all senders and a SERVER receiver (draft API)."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import CLIENTSERVER
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("clientserver", CLIENTSERVER)
