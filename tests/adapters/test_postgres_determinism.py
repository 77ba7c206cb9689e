"""The same schedule gives the same outcome, every time; and the reduction leaves none out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest

pytest.importorskip("psycopg")

from pytest_racecheck import explore
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.schedule import record
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from pytest_racecheck.postgres import binaries, database
from sql_scenes import SCENES, SETUP, Scene, Seen, body_of

pytestmark = pytest.mark.skipif(binaries.find() is None, reason=binaries.ENABLE)

PLAN = Plan(points="sync", patience_s=10).checked()
_QUICK = [SCENES[2], SCENES[7]]
_SLOW = [pytest.param(one, marks=pytest.mark.slow) for one in SCENES if one not in _QUICK]
by_name = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)


def differing(scene: Scene, interleavings: int, repetitions: int) -> list[str]:
    """What was not as it had been, among so many repetitions of each of so many schedules."""
    found = []
    kept: list[Seen] = []
    with database(SETUP) as dsn, body_of(scene, dsn, kept) as body:
        with controlled_runner(body, PLAN) as runner:
            for decider in islice(RandomWalk(7).deciders(), interleavings):
                first = runner.execute(decider)
                assert not first.failures, first.failures
                expected, schedule = kept[-1], record("random", first.decisions)
                for _ in range(repetitions):
                    again = runner.replay(schedule)
                    same = again.divergence is None and not again.uncontrolled
                    if not same or kept[-1] != expected:
                        found.append(f"{again.divergence}: {expected} and {kept[-1]}")
                kept.clear()
    return found


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Processes that do nothing but compute."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


@pytest.mark.parametrize("scene", SCENES[2:4], ids=lambda scene: scene.name)
def test_a_schedule_gives_one_outcome(scene: Scene) -> None:
    assert differing(scene, 10, 3) == []


@pytest.mark.slow
@pytest.mark.parametrize("busy", [0, 4], ids=["idle", "with 4 hogs"])
@by_name
def test_seventy_schedules_give_the_same_outcome_thirty_times(scene: Scene, busy: int) -> None:
    share = int(os.environ.get("RACECHECK_DETERMINISM_SHARE", "1"))  # of the repetitions
    with hogs(busy):
        assert differing(scene, 70, 30 // share) == []


def outcomes(scene: Scene, **plan: object) -> set[str]:
    """What the sessions got, in every execution that came to its end."""
    kept: list[Seen] = []
    with database(SETUP) as dsn, body_of(scene, dsn, kept) as body:
        found = explore(body, points="sync", patience_s=10, seconds=120, **plan)
    assert found.verdict == "ruled out", found.report(200)
    whole = (len(scene.first), len(scene.second))
    return {repr(seen) for seen in kept if (len(seen[0]), len(seen[1])) == whole}


@pytest.mark.parametrize(
    "scene",
    [*_QUICK, *_SLOW],
    ids=lambda scene: scene.name,
)
def test_the_reduction_leaves_out_no_outcome(scene: Scene) -> None:
    reduced = outcomes(scene, strategy="exhaustive")
    assert reduced >= outcomes(scene, strategy="bounded", preemptions=1, executions=2000)
    assert len(reduced) > 1
