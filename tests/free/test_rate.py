"""Rates say their counts and what they leave possible."""

import pytest

from pytest_racecheck.free import Rate


def test_a_rate_reads_as_counts():
    assert str(Rate(177, 200)) == "177 of 200 runs"


@pytest.mark.parametrize("runs", [10, 60, 300, 3000])
def test_no_failures_leave_about_three_in_n(runs):
    bound = Rate(0, runs).upper_bound()
    assert bound == pytest.approx(1 - 0.05 ** (1 / runs))
    assert bound == pytest.approx(3 / runs, rel=0.2)


def test_the_bound_with_failures_is_that_of_clopper_and_pearson():
    # Clopper and Pearson 1934, one-sided 95 %: 1 of 10 leaves 39.4 %, 5 of 100 leaves 10.2 %
    assert Rate(1, 10).upper_bound() == pytest.approx(0.394, abs=0.001)
    assert Rate(5, 100).upper_bound() == pytest.approx(0.102, abs=0.001)


def test_nothing_run_bounds_nothing():
    assert Rate(0, 0).upper_bound() == 1.0
    assert Rate(5, 5).upper_bound() == 1.0


def test_power_grows_with_the_runs():
    assert Rate(0, 5).power(100) == 0.0
    assert Rate(1, 10).power(10) == pytest.approx(1 - 0.9**10)


def test_more_failures_than_runs_is_our_own_mistake():
    with pytest.raises(AssertionError):
        Rate(2, 1)
