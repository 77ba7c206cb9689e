"""How often something failed, and how often it may still fail when it never did."""

from __future__ import annotations

from dataclasses import dataclass

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
        if self.runs in (0, self.failures):
            return 1.0
        if self.failures == 0:
            return float(1.0 - (1.0 - CONFIDENCE) ** (1.0 / self.runs))
        return _bisect_upper(self.failures, self.runs)

    def power(self, runs: int) -> float:
        """The probability that `runs` runs at this rate show at least one failure."""
        return 1.0 - (1.0 - self.share) ** runs

    def __str__(self) -> str:
        return f"{self.failures} of {self.runs} runs"


def _bisect_upper(failures: int, runs: int) -> float:
    low, high = failures / runs, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(failures, runs, middle) > 1.0 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def _at_most(failures: int, runs: int, probability: float) -> float:
    """P(X <= failures) for a binomial X, summed term by term (each from the one before)."""
    if probability >= 1.0:
        return 1.0 if failures >= runs else 0.0
    term = (1.0 - probability) ** runs
    total = term
    for count in range(failures):
        term *= (runs - count) / (count + 1) * probability / (1.0 - probability)
        total += term
    return total
