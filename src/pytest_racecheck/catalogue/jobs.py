"""Turns what was asked for into jobs: one variant, in one mode, over one transport."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_racecheck.catalogue.scenario import (
    MODES,
    NOT_REPRODUCED,
    Controlled,
    Free,
    Scenario,
    Variant,
    with_budget,
)
from pytest_racecheck.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks to be different from scenario.toml; None: as declared."""

    mode: str | None = None
    transport: str | None = None
    executions: int | None = None
    seconds: float | None = None
    strategy: str | None = None
    points: str | None = None
    seed: int = 0
    scenarios: str | None = None
    system: str | None = None

    def options(self) -> tuple[str, ...]:
        """What a command has to repeat to mean the same program and the same search."""
        pairs = (
            ("--points", self.points),
            ("--seed", self.seed or None),
            ("--scenarios", self.scenarios),
            ("--system", self.system),
        )
        given = ((name, str(value)) for name, value in pairs if value is not None)
        return tuple(word for pair in given for word in pair)


@dataclass(frozen=True, slots=True)
class Job:
    """One variant, in one mode, over one transport, with the promise that belongs to it."""

    scenario: Scenario
    variant: Variant
    mode: str
    transport: str | None
    promise: Controlled | Free
    seed: int = 0
    options: tuple[str, ...] = ()
    system: str | None = None  # the user's own, judged as the variant is, but for its verdict

    @property
    def name(self) -> str:
        """Such as "signalling_pair_reconnect/buggy"."""
        return f"{self.scenario.name}/{self.variant.name}"

    def replay_command(self, schedule: str) -> tuple[str, ...]:
        """The words of the command that follows `schedule` once more."""
        return ("racecheck", "replay", self.name, schedule, *self._transport_option, *self.options)

    @property
    def run_command(self) -> tuple[str, ...]:
        """The words of the command that runs this job again."""
        mode = ("--mode", self.mode)
        return ("racecheck", "run", self.name, *mode, *self._transport_option, *self.options)

    @property
    def _transport_option(self) -> tuple[str, ...]:
        return ("--transport", self.transport) if self.transport else ()

    @property
    def title(self) -> str:
        """The name with mode and transport."""
        return " ".join(filter(None, (self.name, self.mode, self.transport)))


def jobs_for(pairs: Sequence[tuple[Scenario, Variant]], wishes: Wishes) -> list[Job]:
    """Every job that the variants declare and the wishes leave. Raises UsageError for none."""
    if wishes.system is not None:
        pairs = in_place_of(pairs)
    jobs = [job for scenario, variant in pairs for job in _expand(scenario, variant, wishes)]
    if not jobs:
        asked = " and ".join(
            f"--{key} {value}"
            for key, value in (("mode", wishes.mode), ("transport", wishes.transport))
            if value is not None
        )
        raise UsageError(f"nothing to run: no chosen variant declares {asked or 'a mode'}")
    return jobs


def in_place_of(
    pairs: Sequence[tuple[Scenario, Variant]],
) -> list[tuple[Scenario, Variant]]:
    """Of each scenario the variant whose place a system of the user's takes, as its own one.

    The first that is fixed; one that is named alone stands for itself.  Raises UsageError.
    """
    chosen: dict[str, tuple[Scenario, Variant]] = {}
    for scenario, variant in pairs:
        alone = sum(other is scenario for other, _ in pairs) == 1
        if scenario.name not in chosen and (alone or variant.role == "fixed"):
            chosen[scenario.name] = scenario, replace(variant, role="own", cases=())
    if not chosen:
        raise UsageError("--system: no chosen scenario has a fixed variant to stand in for")
    return [
        (scenario, replace(variant, controlled=_not_reproduced(variant.controlled)))
        for scenario, variant in chosen.values()
    ]


def _not_reproduced(promise: Controlled | None) -> Controlled | None:
    """Of a larger system one cannot expect that the search comes to its end."""
    return None if promise is None else replace(promise, expects=NOT_REPRODUCED, kind=None)


def _expand(scenario: Scenario, variant: Variant, wishes: Wishes) -> Iterator[Job]:
    for mode in MODES:
        promise = variant.controlled if mode == "controlled" else variant.free
        if promise is None or wishes.mode not in (None, mode):
            continue
        for transport in _transports(scenario, promise, wishes):
            wished = _wished(promise, wishes)
            judged = variant if wishes.system is None else replace(variant, stem=wishes.system)
            options, system = wishes.options(), wishes.system
            yield Job(scenario, judged, mode, transport, wished, wishes.seed, options, system)


def _transports(
    scenario: Scenario, promise: Controlled | Free, wishes: Wishes
) -> tuple[str | None, ...]:
    if wishes.transport is None:
        return promise.size.transports or (None,)
    offered = {*scenario.transports, *promise.size.transports}
    return (wishes.transport,) if wishes.transport in offered else ()


def _wished(promise: Controlled | Free, wishes: Wishes) -> Controlled | Free:
    if isinstance(promise, Free):
        runs = wishes.executions or promise.runs
        return replace(promise, runs=runs, control_runs=wishes.executions or promise.control_runs)
    bounds = with_budget(
        promise.bounds,
        executions=wishes.executions,
        seconds=wishes.seconds,
        strategy=wishes.strategy,
        points=wishes.points,
    )
    return replace(promise, bounds=bounds)
