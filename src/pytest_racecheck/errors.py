"""Every exception that pytest-racecheck raises on purpose, and what the user should do about it."""

from __future__ import annotations


class RacecheckError(Exception):
    """Base of all errors meant for the user: one sentence that says what, where and what to do."""

    exit_status = 2


class UsageError(RacecheckError):
    """Something was asked for that cannot be done as written (exit status 2)."""


class MissingDependency(RacecheckError):
    """Something is not installed here; the message ends with the command that would enable it."""

    exit_status = 3


class Divergence(RacecheckError):
    """A replayed schedule left its recorded path; the message says at which step and how."""


class Redundant(Divergence):
    """A strategy ends the execution: whatever comes, an equivalent schedule has run."""


class LostControl(RacecheckError):
    """A task did not come back to a scheduling point; the message names it and shows its stack."""


class Misplaced(UsageError):
    """A delay, a fault or their like names no place where it could be; the whole search stops."""

    stops_the_search = True


class NeverFired(UsageError):
    """What was injected was never met, so that the run shows nothing about it."""

    stops_the_search = True


class NotMet(RacecheckError):
    """Whoever a barrier, an order or a hold waited for did not come within its time."""
