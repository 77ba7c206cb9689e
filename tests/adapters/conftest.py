"""Gives the tests of the adapters executions one by one, along random schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_racecheck import zmq_draft
from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.strategies.random_walk import RandomWalk

_THREADS_ONLY = ("test_zeromq", "test_selectors_control")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sockets and event loops have threads, and data of threads, of their own."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name.startswith(_THREADS_ONLY):
            item.add_marker(pytest.mark.threads_only)


Body = Callable[[], object]


@contextmanager
def _control(body: Body, seed: int = 1) -> Iterator[tuple[Callable[..., Execution], Any]]:
    from pytest_racecheck.adapters.zeromq import control_zeromq

    with control_threads() as threads, control_zeromq() as zeromq:

        def before(execution: Execution) -> None:
            threads.before()
            execution.clocks = {}

        def after(execution: Execution) -> None:
            zeromq.left = zeromq.end_of_execution(bool(execution.failures))
            threads.after(execution)

        runner = Runner(body, patience_s=1.0, before=before, after=after)
        deciders = RandomWalk(seed).deciders()
        with runner.ready():
            yield lambda trace=None: runner.execute(next(deciders), trace), zeromq


@pytest.fixture
def control() -> Any:
    """``with control(body) as (run, zeromq)``: each ``run(trace)`` is one execution."""
    return _control


@pytest.fixture
def outcomes() -> Callable[[Body, int], list[object]]:
    """What a number of random schedules of a body decided, and how each ended."""

    def look(body: Body, executions: int) -> list[object]:
        with _control(body) as (run, _):
            return [
                (tuple(e.decisions), [f.identity for f in e.failures])
                for e in islice(iter(run, None), executions)
            ]

    return look


@pytest.fixture
def draft_site() -> Path:
    """A pyzmq with CLIENT and SERVER; skips with the command that builds one."""
    site = zmq_draft.draft_site()
    if site is None:
        pytest.skip(f"no pyzmq with the draft API here: {zmq_draft.enable_command()}")
    return site
