"""Going through a container is an operation at every step, and an iterator is shared data."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from functools import partial

import pytest
from tests.iterator_programs import PROGRAMS

from pytest_racecheck import explore


@pytest.mark.parametrize("strategy", ["exhaustive", "random"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_change_between_two_steps_is_found(name: str, strategy: str) -> None:
    body = partial(PROGRAMS[name], nullcontext())
    finding = explore(body, strategy=strategy, executions=3000, seconds=60)
    assert finding.verdict == "reproduced", finding.report()


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_under_a_lock_there_is_none(name: str) -> None:
    def body() -> None:
        PROGRAMS[name](threading.Lock())

    finding = explore(body, strategy="exhaustive", executions=3000, seconds=60)
    assert finding.verdict == "ruled out", finding.report()
