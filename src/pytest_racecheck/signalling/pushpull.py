"""Signalling program: PUSH senders, one socket a thread, and a PULL receiver."""

from __future__ import annotations

from pytest_racecheck.signalling.kinds import PUSHPULL
from pytest_racecheck.signalling.program import start

if __name__ == "__main__":
    start("pushpull", PUSHPULL)
