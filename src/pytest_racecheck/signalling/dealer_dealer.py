"""Signalling program: DEALER senders and a DEALER receiver: single frames, no identities."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import DEALER_DEALER
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("dealer_dealer", DEALER_DEALER)
