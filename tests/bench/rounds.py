"""Runs tools against each other: every measurement in its own process, in interleaved rounds."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.bench.programs import PROGRAMS, Program
from tests.bench.sample import Sample, complaint

ROOT = Path(__file__).parents[2]
QUALIFY_S = 0.3
PATIENCE_S = 60.0  # on top of the seconds asked for, before a child is killed
RIVALS = {"frontrun": "frontrun", "interleave-test": "interleave_test"}


@dataclass(frozen=True)
class Contestant:
    """A tool in one of its ways; ``points`` is what it switches at."""

    tool: str
    variant: str

    @property
    def name(self) -> str:
        """What the JSON calls it."""
        return f"{self.tool}: {self.variant}"

    def expected(self, program: Program) -> tuple[frozenset[str], str]:
        """The outcomes that may come up, and the one that has to ("" for none)."""
        if self.tool == "explore":  # counts by verdict; only the deadlock fails by itself
            stops = program.defect == "deadlock"
            return frozenset({"reproduced" if stops else "inconclusive"}), ""
        sees = "sync" not in self.variant or program.points == "sync"
        return program.endings, program.defect if sees and self.tool != "free" else ""


OURS_SYNC = Contestant("engine", "random, sync")
OURS = Contestant("engine", "random, access")
OURS_PCT = Contestant("engine", "pct, access")
GREEN_SYNC = Contestant("engine", "random, sync, greenlets")
GREEN = Contestant("engine", "random, access, greenlets")
PUBLIC = Contestant("explore", "random, access")
FREE = Contestant("free", "plain threads")
CONTESTANTS = (
    OURS_SYNC,
    OURS,
    OURS_PCT,
    GREEN_SYNC,
    GREEN,
    PUBLIC,
    FREE,
    Contestant("frontrun", "dpor"),
    Contestant("frontrun", "random"),
    Contestant("frontrun", "dpor, virtual clock"),
    Contestant("frontrun", "random, virtual clock"),
    Contestant("frontrun", "random, as it comes"),
    Contestant("interleave-test", "random"),
    Contestant("interleave-test", "pct"),
)


def absent() -> dict[str, str]:
    """Rival -> why it is not here."""
    why = {}
    for tool, module in RIVALS.items():
        if importlib.util.find_spec(module) is None:
            why[tool] = "is not installed for this Python"
    if "frontrun" not in why and not _launcher().exists():
        why["frontrun"] = f"has no launcher beside {sys.executable}"
    return why


def _launcher() -> Path:
    return Path(sys.executable).parent / "frontrun"


def measured(
    contestant: Contestant, program: Program, seconds: float, cpu: int | None = None
) -> Sample:
    """One measurement in a child process; what goes wrong there is the sample's trouble."""
    command = [sys.executable, "-m", "tests.bench.measure"]
    command += [contestant.tool, contestant.variant, program.name, str(seconds)]
    if cpu is not None:
        command += ["--cpu", str(cpu)]
    if contestant.tool == "frontrun":
        command.insert(0, str(_launcher()))
    return Sample(**_answer(command, seconds + PATIENCE_S))


def _answer(command: Sequence[str], patience_s: float) -> dict[str, Any]:
    """The last line that a child prints, read as JSON; {"trouble": ...} when there is none."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired:
        return {"trouble": f"did not come back within {patience_s:g} s"}
    try:
        answer: dict[str, Any] = json.loads((done.stdout.splitlines() or [""])[-1])
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        return {"trouble": f"ended with status {done.returncode} and said: {said}"}
    return answer


def scheduling_points() -> dict[str, Any]:
    """Name -> what one scheduling point or hand-over costs, measured once."""
    return _answer([sys.executable, "-m", "tests.bench.points"], PATIENCE_S)


def _searches(module: str, share: float) -> dict[str, Any]:
    return _answer([sys.executable, "-m", f"tests.bench.{module}", str(share)], PATIENCE_S)


def _memory() -> dict[str, Any]:
    return _answer([sys.executable, "-m", "tests.bench.memory"], 10 * PATIENCE_S)


def _measure_costs(costs: dict[str, list[dict[str, Any]]], share: float) -> None:
    costs["points"].append(scheduling_points())
    for module in ("deciding", "division"):
        costs[module].append(_searches(module, share))


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long."""

    programs: tuple[Program, ...] = tuple(PROGRAMS.values())
    contestants: tuple[Contestant, ...] = CONTESTANTS
    seconds: float = 0.5
    rounds: int = 5
    cpu: int | None = None

    @property
    def share(self) -> float:
        """How much of the usual number of executions is made where that is fixed."""
        return min(self.seconds / 0.5, 1.0)


def compete(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure in rounds; returns the results as the JSON file has them."""
    missing = absent()
    here = [c for c in plan.contestants if c.tool not in missing]
    samples: dict[tuple[str, str], list[Sample]] = {}
    out: dict[tuple[str, str], str] = {}
    for program in plan.programs:
        say(f"qualifying: {program.title}")
        for contestant in here:
            out[program.name, contestant.name] = _qualifying(contestant, program, plan)
            samples[program.name, contestant.name] = []
    costs: dict[str, list[dict[str, Any]]] = {"points": [], "deciding": [], "division": []}
    for number in range(1, plan.rounds + 1):
        _measure_costs(costs, plan.share)
        # There and back again, so that what drifts on the machine hits nobody always.
        for program, contestant in _order(plan.programs, here, number):
            if not out[program.name, contestant.name]:
                say(f"round {number} of {plan.rounds}: {program.title}, {contestant.name}")
                sample = measured(contestant, program, plan.seconds, plan.cpu)
                samples[program.name, contestant.name].append(sample)
    costs["memory"] = [_memory()] if plan.share == 1.0 else []
    return _document(
        plan,
        missing,
        {
            program.name: {
                "title": program.title,
                "contestants": {
                    c.name: {
                        "complaint": out[program.name, c.name]
                        or _fault(c, program, samples[program.name, c.name]),
                        "samples": [s.as_json() for s in samples[program.name, c.name]],
                    }
                    for c in here
                },
            }
            for program in plan.programs
        },
        costs,
    )


def _qualifying(contestant: Contestant, program: Program, plan: Plan) -> str:
    """Why this one takes no part in the rounds; a busy machine gets a second, longer try."""
    fault = ""
    for seconds in (QUALIFY_S, 5 * QUALIFY_S):
        tried = measured(contestant, program, seconds, plan.cpu)
        fault = _fault(contestant, program, [tried])
        if tried.trouble or not fault:
            break
    return fault


def _fault(contestant: Contestant, program: Program, samples: Sequence[Sample]) -> str:
    return complaint(samples, *contestant.expected(program))


def _order(
    programs: Sequence[Program], contestants: Sequence[Contestant], number: int
) -> Iterable[tuple[Program, Contestant]]:
    turned = contestants if number % 2 else contestants[::-1]
    return ((program, contestant) for program in programs for contestant in turned)


def _document(
    plan: Plan, missing: dict[str, str], programs: dict[str, Any], costs: dict[str, Any]
) -> dict[str, Any]:
    installed = [*(set(RIVALS) - set(missing)), "bytecode"]
    return {
        "version": 1,
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "cpu": plan.cpu,
        "versions": {name: metadata.version(name) for name in sorted(installed)},
        "absent": missing,
        "programs": programs,
        **costs,
    }
