"""How a body is explored: every choice that a caller of ``explore`` has, and its default."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pytest_racecheck.diagnosis.judgement import (
    GIVEN,
)
from pytest_racecheck.diagnosis.sense import CHECKS, refuse_nonsense
from pytest_racecheck.engine.carriers import CARRIERS, refuse_without_greenlets
from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.base import Strategy
from pytest_racecheck.engine.strategies.make import (
    SEARCHING_MODES,
    StrategyOptions,
    make_strategy,
)
from pytest_racecheck.engine.under_test import UnderTest
from pytest_racecheck.errors import UsageError

POINTS = ("access", "sync")
RACES = ("off", "report")
DEFAULT_EXECUTIONS = 1000
DEFAULT_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """How a body is explored; every field is an argument of ``explore``."""

    strategy: str = "portfolio"
    executions: int = DEFAULT_EXECUTIONS
    seconds: float = DEFAULT_SECONDS
    points: str = "access"
    control: Sequence[str] = ()
    seed: int = 0
    preemptions: int | None = None
    depth: int | Sequence[int] | None = None
    positive_control: Callable[[], object] | None = None
    script: Sequence[str] | None = None
    schedule: str | None = None
    mode: str | None = None
    upto: int | None = None
    then: str | None = None
    recording: Recording | None = None
    replays: int = 3
    patience_s: float = 2.0
    max_steps: int = 20_000
    workers: int | str = 1
    isolate: bool = False
    record: bool = False
    curve: bool = False
    races: str = "off"
    carrier: str = "auto"
    root: str = field(default_factory=os.getcwd)

    def checked(self) -> Plan:
        """Return the plan, or raise UsageError for a value that makes no sense."""
        if self.points not in POINTS:
            raise UsageError(f"points={self.points!r}: expected one of {', '.join(POINTS)}")
        if self.races not in RACES:
            raise UsageError(f"races={self.races!r}: expected one of {', '.join(RACES)}")
        refuse_nonsense({name: getattr(self, name) for name in CHECKS})
        if self.carrier not in CARRIERS:
            raise UsageError(f"carrier={self.carrier!r}: expected one of {', '.join(CARRIERS)}")
        if self.carrier == "greenlets":
            refuse_without_greenlets()
        if self.control:
            UnderTest(self.root, (), tuple(self.control))  # refuses a name that is no module
        self.make_strategy()
        if self.isolate and self.positive_control is not None:
            raise UsageError("isolate=True ignores positive_control: leave one of the two out")
        return self

    def make_strategy(self) -> Strategy:
        """A fresh strategy of this plan."""
        names = StrategyOptions.__dataclass_fields__
        options = StrategyOptions(**{name: getattr(self, name) for name in names})
        return make_strategy(self.strategy, options)

    @property
    def follows_one_order(self) -> bool:
        """Whether one schedule is asked for, and not a search."""
        return self.strategy in GIVEN and self.mode not in SEARCHING_MODES


def with_schedule(plan: Plan, text: str) -> Plan:
    """The plan that replays ``text``; raises UsageError when it is no replay text."""
    Schedule.parse(text)
    bound = plan.preemptions if plan.mode == "around" else None
    return replace(
        plan, strategy="replay", schedule=text, preemptions=bound, depth=None, script=None
    )
