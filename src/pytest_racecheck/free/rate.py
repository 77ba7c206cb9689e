"""How often something failed, and how often it may still fail when it never did."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_racecheck.free.binomial import lower_bound, upper_bound

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """`failures` of `runs` runs failed."""

    failures: int
    runs: int

    def __post_init__(self) -> None:
        assert 0 <= self.failures <= self.runs, (self.failures, self.runs)

    @property
    def share(self) -> float:
        """Failures per run, 0 when nothing was run."""
        return self.failures / self.runs if self.runs else 0.0

    def upper_bound(self) -> float:
        """The largest failure probability a run that these counts leave plausible (95 %).

        The exact one-sided bound of Clopper and Pearson (Biometrika 26, 1934); for no failures it
        is `1 - 0.05 ** (1 / runs)`, which the rule of three approximates as 3 / runs.
        """
        return upper_bound(self.failures, self.runs, CONFIDENCE)

    def interval(self) -> tuple[float, float]:
        """The failure probabilities a run that these counts leave plausible (95 %, two-sided).

        Clopper and Pearson's, which is exact: each end with half of the 5 %.
        """
        each = 1.0 - (1.0 - CONFIDENCE) / 2.0
        low = lower_bound(self.failures, self.runs, each) if self.runs else 0.0
        return low, upper_bound(self.failures, self.runs, each)

    def power(self, runs: int) -> float:
        """The probability that `runs` runs at this rate show at least one failure."""
        return 1.0 - (1.0 - self.share) ** runs

    def __str__(self) -> str:
        return f"{self.failures} of {self.runs} runs"
