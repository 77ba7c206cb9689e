"""Binomial tails and the bounds made of them, against sums of fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_racecheck.free import Rate
from pytest_racecheck.free.binomial import at_least, at_most, lower_bound, upper_bound


def exactly_at_most(count: int, runs: int, probability: float) -> float:
    p = Fraction(probability)
    return float(sum(comb(runs, i) * p**i * (1 - p) ** (runs - i) for i in range(count + 1)))


@given(st.integers(1, 50), st.integers(0, 50), st.floats(0.001, 0.999))
@settings(max_examples=100, deadline=None, database=None, derandomize=True)
def test_the_tails_are_sums_of_terms(runs, count, probability):
    count = min(count, runs)
    expected = exactly_at_most(count, runs, probability)
    assert at_most(count, runs, probability) == pytest.approx(expected, abs=1e-12)
    beyond = 1.0 - at_least(count + 1, runs, probability)
    assert beyond == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("count", "runs"), [(1, 10), (5, 100), (3000, 10_000), (999_000, 1_000_000)]
)
def test_beyond_the_bounds_the_count_is_implausible(count, runs):
    low, high = lower_bound(count, runs, 0.95), upper_bound(count, runs, 0.95)
    assert low < count / runs < high
    assert at_most(count, runs, high) == pytest.approx(0.05, rel=1e-6)
    assert at_least(count, runs, low) == pytest.approx(0.05, rel=1e-6)


def test_published_values():
    # Clopper and Pearson 1934: of 10, 3 leave 6.7 % to 65.2 % (two-sided 95 %)
    assert lower_bound(3, 10, 0.975) == pytest.approx(0.0667, abs=1e-4)
    assert upper_bound(3, 10, 0.975) == pytest.approx(0.6525, abs=1e-4)


def test_the_ends():
    assert (lower_bound(0, 9, 0.95), upper_bound(9, 9, 0.95)) == (0.0, 1.0)
    assert upper_bound(0, 0, 0.95) == 1.0
    assert upper_bound(0, 59, 0.95) == pytest.approx(0.0495, abs=1e-4)
    assert (at_most(3, 9, 0.0), at_most(3, 9, 1.0), at_most(9, 9, 0.3)) == (1.0, 0.0, 1.0)
    assert (at_least(0, 9, 0.3), at_least(3, 9, 0.0), at_least(3, 9, 1.0)) == (1.0, 0.0, 1.0)


def test_thousands_of_failed_runs_leave_more_than_their_share():
    """The terms of the sum were all 0.0, so the bound came out as 30 %."""
    assert Rate(3000, 10_000).upper_bound() == pytest.approx(0.3076, abs=1e-4)
