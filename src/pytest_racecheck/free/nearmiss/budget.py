"""How long threads may be held in one run, so that a suite takes little longer than without."""

from __future__ import annotations

#: Of the time of the last run, or of this run so far, whichever is longer.
SHARE = 0.35
#: At most so many runs may save up.
MOST_CREDIT = 3
#: A run that takes no time may still be delayed a little, or nothing would be found in it.
ALLOWANCE_S = 0.012


class Budget:
    """Counts delays, those that overlap too; asked and told under the lock of the watch.

    ``credit_s`` is what earlier runs left over: a delay may be longer than the share of one run.
    """

    def __init__(self, expected_s: float, share: float = SHARE, credit_s: float = 0.0) -> None:
        self._expected_s = expected_s
        self._credit_s = credit_s
        self._share = share
        self.spent_s = 0.0
        self.delays = 0

    def allows(self, delay_s: float, elapsed_s: float, *, sure: bool = False) -> bool:
        """Whether a delay fits, ``elapsed_s`` after the run began.

        What is ``sure`` to find something fits once at least.
        """
        if sure and self.spent_s < delay_s:
            return True
        share_s = self._share * max(self._expected_s, elapsed_s)
        return self.spent_s + delay_s <= share_s + self._credit_s + ALLOWANCE_S

    def credit_s(self, run_s: float) -> float:
        """What is left over for the next run, after one that took ``run_s``."""
        share_s = self._share * run_s
        left_s = share_s + self._credit_s - self.spent_s
        return min(max(left_s, 0.0), MOST_CREDIT * share_s)

    def spend(self, delay_s: float) -> None:
        """A delay begins."""
        self.spent_s += delay_s
        self.delays += 1

    def give_back(self, left_s: float) -> None:
        """It ended so much earlier."""
        self.spent_s -= left_s
