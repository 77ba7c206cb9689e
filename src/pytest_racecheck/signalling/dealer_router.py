"""Signalling program: DEALER senders and a ROUTER receiver, which the document left untested."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import DEALER_ROUTER
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("dealer_router", DEALER_ROUTER)
