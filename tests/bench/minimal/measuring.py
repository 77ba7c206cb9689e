"""Failures of the bench programs, each minimised and explained: what came of it, what it took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.sctbench.counting import plan_of
from tests.bench.sctbench.programs import PROGRAMS

from pytest_racecheck.diagnosis import critical_pair, minimise
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.explain import explain
from pytest_racecheck.engine.explore import Runner, same_failure, search
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.trace import Trace

CAP, HUNT_S = 10_000, 60.0


@dataclass(frozen=True)
class Case:
    """One failing schedule, and what minimising and explaining made of it."""

    program: str
    strategy: str
    seed: int
    identity: tuple[str, str, str]  # kind, type and place of the failure
    interruptions_before: int
    interruptions: int
    turns: int
    choices: int
    replays: int
    seconds: float  # of CPU time
    exact: bool
    characters: int
    orders: int  # that decide, each verified by runs

    def as_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


def failing_schedule(program: str, strategy: str, seed: int) -> str | None:
    """The text of the first failing schedule; None when none is found within the cap."""
    body = PROGRAMS[program].broken
    plan = plan_of(body, strategy, seed)
    with controlled_runner(body, plan) as runner:
        found = search(runner, plan.make_strategy(), executions=CAP, seconds=HUNT_S)
        return None if found.schedule is None else found.schedule.text()


def cases(program: str, schedules: Iterable[tuple[str, int, str]]) -> Iterator[Case]:
    """Minimise and explain each of the (strategy, seed, schedule) of a program."""
    body = PROGRAMS[program].broken
    with controlled_runner(body, plan_of(body, "pos")) as runner, budget_in_cpu_time():
        for strategy, seed, text in schedules:
            yield _case(runner, program, strategy, seed, Schedule.parse(text))


def _case(runner: Runner, program: str, strategy: str, seed: int, schedule: Schedule) -> Case:
    first = runner.replay(schedule).failures[0]
    begun = time.process_time()
    made = minimise.minimise(runner, schedule, first)
    taken = time.process_time() - begun
    assert made is not None, f"{program}: {schedule.text()} does not fail again"
    return Case(
        program,
        strategy,
        seed,
        first.identity,
        made.found_with,
        made.cost.interruptions,
        made.cost.turns,
        made.cost.choices,
        made.replays,
        taken,
        made.exact,
        len(made.schedule.text()),
        _orders(runner, made, first),
    )


def _orders(runner: Runner, made: minimise.Minimised, first: TaskFailure) -> int:
    trace = Trace()
    told = runner.replay(made.schedule, trace)
    assert told.divergence is None
    assert same_failure(first, told.failures[0])
    return len(explain(runner, made, told, trace.steps, True).orders)


@contextmanager
def budget_in_cpu_time() -> Iterator[None]:
    """The seconds of a budget are those of this process, whatever else the machine does."""
    modules = (minimise, critical_pair)
    clocks = [module.real_perf_s for module in modules]
    for module in modules:
        module.real_perf_s = time.process_time
    try:
        yield
    finally:
        for module, clock in zip(modules, clocks, strict=True):
            module.real_perf_s = clock
