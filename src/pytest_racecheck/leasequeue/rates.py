"""A rate a consumer, and the refusal to name one after a run that is too short for it."""

from __future__ import annotations

from pytest_racecheck.errors import RacecheckError

LEAST_POPS = 30
LEAST_S = 10.0


class TooShort(RacecheckError):
    """The run says nothing about a rate."""


def rate_per_consumer(messages: int, pops: list[int], duration_s: float) -> float:
    """Messages a second and consumer; ``messages`` of all, ``pops`` of each, in ``duration_s``.

    Raises TooShort below 30 pops of each consumer or 10 s.
    """
    if not pops or min(pops) < LEAST_POPS or duration_s < LEAST_S:
        least = min(pops, default=0)
        raise TooShort(
            f"{least} pops of a consumer in {duration_s:.2f} s are no rate; measure at least "
            f"{LEAST_POPS} pops of each and {LEAST_S:.0f} s"
        )
    return messages / len(pops) / duration_s
