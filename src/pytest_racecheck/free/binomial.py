"""Exact bounds on a probability of which one knows how often something happened in how many runs.

Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the
Binomial", Biometrika 26, 1934.  Sums of binomial terms are incomplete beta functions, by the
continued fraction of Abramowitz and Stegun, 26.5.8, because the terms themselves vanish in floating
point when there are many runs.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_TINY = 1e-300
_MOST_TERMS = 100_000
_STEPS = 100


def at_most(count: int, runs: int, probability: float) -> float:
    """P(X <= count) for a binomial X."""
    if count >= runs or probability <= 0.0:
        return 1.0
    if probability >= 1.0 or count < 0:
        return 0.0
    return _beta(runs - count, count + 1, 1.0 - probability, probability)


def at_least(count: int, runs: int, probability: float) -> float:
    """P(X >= count) for a binomial X."""
    if count <= 0:
        return 1.0
    if count > runs or probability <= 0.0:
        return 0.0
    if probability >= 1.0:
        return 1.0
    return _beta(count, runs - count + 1, probability, 1.0 - probability)


def upper_bound(count: int, runs: int, confidence: float) -> float:
    """The probability is at most this, with one-sided ``confidence``."""
    if count >= runs:  # also when nothing was run
        return 1.0
    if count == 0:
        return float(1.0 - (1.0 - confidence) ** (1.0 / runs))
    low, high = count / runs, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if at_most(count, runs, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def lower_bound(count: int, runs: int, confidence: float) -> float:
    """The probability is at least this, with one-sided ``confidence``."""
    return 0.0 if count == 0 else 1.0 - upper_bound(runs - count, runs, confidence)


def _beta(a: float, b: float, x: float, rest: float) -> float:
    """The regularised incomplete beta function at ``x``; ``rest`` is 1 - x."""
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta(b, a, rest, x)
    log_x = log(x) if x < 0.5 else log1p(-rest)
    log_rest = log(rest) if rest < 0.5 else log1p(-x)
    front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log_x + b * log_rest
    return exp(front) / a / _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, from the front (Lentz 1976, as modified by Thompson and Barnett)."""
    value, up, down = 1.0, 1.0, 0.0
    for n in range(1, _MOST_TERMS):
        m = n // 2
        if n % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        down = 1.0 + term * down
        down = 1.0 / (down if abs(down) > _TINY else _TINY)
        up = 1.0 + term / up
        up = up if abs(up) > _TINY else _TINY
        value *= up * down
        if abs(up * down - 1.0) < 1e-15:
            break
    return value
