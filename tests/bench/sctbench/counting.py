"""Counts schedules one by one under the control of a search: until a failure, or all there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner

#: Most programs end within a hundred operations; those that spin are cut off here.
MAX_STEPS = 20_000


@dataclass(frozen=True)
class Trial:
    """One seed: how many schedules ran; ``found`` if the last of them failed as it should.

    ``exhausted`` when the strategy had nothing left to try: it has covered every schedule.
    """

    seed: int
    schedules: int
    found: bool
    seconds: float
    exhausted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Whole:
    """Every schedule that a systematic strategy has: how many, of which so many failed.

    ``redundant`` ones were begun, and ended when they turned out to be like an earlier one; they
    are not among the ``executions``.
    """

    executions: int
    redundant: int
    failed: int
    complete: bool
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


class ControlLostError(AssertionError):
    """An execution was not what it was counted for."""


def plan_of(body: Callable[[], object], strategy: str, seed: int = 0, **more: Any) -> Plan:
    """The plan that puts the program's own file, and no other, under test."""
    program = body.func if isinstance(body, partial) else body
    file = program.__code__.co_filename
    return Plan(strategy=strategy, seed=seed, root=file, max_steps=MAX_STEPS, **more).checked()


def trials(
    body: Callable[[], object],
    plans: Iterable[Plan],
    kinds: Collection[str],
    *,
    cap: int,
    seconds: float,
) -> list[Trial]:
    """One trial for each plan, of at most ``cap`` schedules, and ``seconds`` for all together.

    The trial that the time cuts off is the last one.  Raises ControlLostError for an execution that
    fails in another way than one of ``kinds``, or that was not under control.
    """
    done: list[Trial] = []
    end_s = time.perf_counter() + seconds
    plans = list(plans)
    with controlled_runner(body, plans[0]) as runner:
        for plan in plans:
            trial = _trial(runner, plan, kinds, cap, end_s)
            done.append(trial)
            if time.perf_counter() >= end_s:
                break
    return done


def _trial(runner: Runner, plan: Plan, kinds: Collection[str], cap: int, end_s: float) -> Trial:
    begun_s, made = time.perf_counter(), 0
    for decider in plan.make_strategy().deciders():
        execution = runner.execute(decider)
        made += 1
        _check(execution, kinds)
        if execution.failures or made >= cap or time.perf_counter() >= end_s:
            found = bool(execution.failures)
            return Trial(plan.seed, made, found, time.perf_counter() - begun_s)
    return Trial(plan.seed, made, False, time.perf_counter() - begun_s, exhausted=True)


def _check(execution: Execution, kinds: Collection[str]) -> None:
    lost = [*execution.lost, *execution.abandoned, *execution.uncontrolled]
    if lost or execution.divergence is not None:
        raise ControlLostError(f"control was lost: {lost[0] if lost else execution.divergence}")
    for failure in execution.failures:
        if failure.kind not in kinds:
            raise ControlLostError(f"{failure.kind} at {failure.where}: {failure.message}")


def every_schedule(
    body: Callable[[], object], plan: Plan, kinds: Collection[str], *, seconds: float
) -> Whole:
    """Run a systematic strategy to its end; failures do not stop it."""
    begun_s, made, failed, redundant = time.perf_counter(), 0, 0, 0
    strategy = plan.make_strategy()
    with controlled_runner(body, plan) as runner:
        for decider in strategy.deciders():
            execution = runner.execute(decider)
            _check(execution, kinds)
            if getattr(execution, "redundant", False):
                redundant += 1
            else:
                made += 1
                failed += bool(execution.failures)
            if time.perf_counter() - begun_s >= seconds:
                break
    taken_s = time.perf_counter() - begun_s
    return Whole(made, redundant, failed, strategy.grade == "exhausted", taken_s)
