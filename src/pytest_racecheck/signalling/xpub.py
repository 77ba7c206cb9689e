"""Signalling program: XPUB senders that wait for the receiver's subscription before they send."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import XPUB
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("xpub", XPUB)
