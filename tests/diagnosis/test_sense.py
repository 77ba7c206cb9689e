"""Every field of a plan has its check, and the checks let through what is meant."""

from __future__ import annotations

import math

import pytest

from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.diagnosis.sense import CHECKS, refuse_nonsense
from pytest_racecheck.errors import UsageError

USUAL = {name: getattr(Plan(), name) for name in CHECKS}


def test_every_field_is_checked_here_or_beside():
    by_the_strategy = {"mode", "upto", "then"}
    beside = {"points", "races", "carrier", "root", *by_the_strategy}
    assert set(Plan.__dataclass_fields__) - set(CHECKS) == beside


def test_what_a_plan_has_by_itself_makes_sense():
    refuse_nonsense(USUAL)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seconds", 0.001), ("seconds", math.inf), ("seed", -5), ("preemptions", 0), ("depth", 7)],
)
def test_what_is_meant_passes(name, value):
    refuse_nonsense({**USUAL, name: value})


@pytest.mark.parametrize("name", list(CHECKS))
@pytest.mark.parametrize("value", [object(), {}, -1.5, float("nan")])
def test_nonsense_is_refused_by_its_name(name, value):
    with pytest.raises(UsageError, match=rf"^{name} must be .*, got "):
        refuse_nonsense({**USUAL, name: value})
