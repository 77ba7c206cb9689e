"""A long search takes no more memory than a short one; one that leaks is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.bench.memory import counter_2x1, measure
from tests.bench.rounds import ROOT

MOST_MIB = 10.0


def grown_mib(strategy: str, points: str, executions: int) -> float:
    """In a process of its own: what this one has freed would hide some of it."""
    command = [sys.executable, "-m", "tests.bench.memory", strategy, points, str(executions)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["searches"]
    assert told["executions"] == executions
    return told["grown_mib"]


@pytest.mark.slow
def test_a_million_executions_take_no_more_memory_than_fifty_thousand():
    assert grown_mib("random", "sync", 1_000_000) <= MOST_MIB


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random", "pct", "pos", "surw", "swarm", "kinds"])
def test_no_sampling_strategy_grows_at_access_level(strategy):
    assert grown_mib(strategy, "access", 200_000 if strategy == "random" else 40_000) <= MOST_MIB


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["bounded", "exhaustive", "portfolio"])
def test_no_systematic_search_of_a_wide_tree_grows_much(strategy):
    assert grown_mib(strategy, "access", 10_000) <= MOST_MIB


@pytest.mark.slow
def test_a_body_that_leaks_is_noticed():
    kept = []

    def leaking() -> None:
        kept.append(bytes(1024))
        counter_2x1()

    assert measure(leaking, "random", "sync", 15_000).grown_mib > MOST_MIB
