"""How long threads may be held in one run, so that a suite takes little longer than without."""

from __future__ import annotations

#: Of the time of the last run, or of this run so far, whichever is longer.
SHARE = 0.35
#: A run that takes no time may still be delayed a little, or nothing would be found in it.
ALLOWANCE_S = 0.012


class Budget:
    """Counts delays, those that overlap too; asked and told under the lock of the watch."""

    def __init__(self, expected_s: float, share: float = SHARE) -> None:
        self._expected_s = expected_s
        self._share = share
        self.spent_s = 0.0
        self.delays = 0

    def allows(self, delay_s: float, elapsed_s: float, *, sure: bool = False) -> bool:
        """Whether a delay fits, ``elapsed_s`` after the run began.

        What is ``sure`` to find something fits once at least.
        """
        if sure and self.spent_s < delay_s:
            return True
        limit_s = self._share * max(self._expected_s, elapsed_s) + ALLOWANCE_S
        return self.spent_s + delay_s <= limit_s

    def spend(self, delay_s: float) -> None:
        """A delay begins."""
        self.spent_s += delay_s
        self.delays += 1

    def give_back(self, left_s: float) -> None:
        """It ended so much earlier."""
        self.spent_s -= left_s
