"""Signalling program: PUB senders connect to a SUB receiver and send at once."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import PUBSUB
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("pubsub", PUBSUB)
