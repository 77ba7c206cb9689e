"""Diagnosis: a failing run made into a sentence, a schedule and a verdict."""

from __future__ import annotations

from pytest_racecheck.diagnosis.find import explore, explore_plan, replay
from pytest_racecheck.diagnosis.nearmiss_search import nearmiss
from pytest_racecheck.diagnosis.plan import Plan, with_schedule
from pytest_racecheck.diagnosis.verdict import Explanation, Failure, Finding, Story, Verdict

__all__ = [
    "Explanation",
    "Failure",
    "Finding",
    "Plan",
    "Story",
    "Verdict",
    "explore",
    "explore_plan",
    "nearmiss",
    "replay",
    "with_schedule",
]
