"""What was overlooked once is found by every strategy, and nothing is where a lock is held."""

from __future__ import annotations

import sys
import threading
from contextlib import nullcontext
from functools import partial

import pytest
from tests.overlooked_programs import PROGRAMS, SINCE_3_12

from pytest_racecheck import explore


@pytest.mark.parametrize("strategy", ["exhaustive", "random"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_found(name: str, strategy: str) -> None:
    if name in SINCE_3_12 and sys.version_info < (3, 12):
        pytest.skip("this Python has a lock there")
    body = partial(PROGRAMS[name], nullcontext())
    finding = explore(body, strategy=strategy, executions=3000, seconds=60)
    assert finding.verdict == "reproduced", finding.report()


@pytest.mark.parametrize("name", PROGRAMS)
def test_under_a_lock_there_is_nothing(name: str) -> None:
    def body() -> None:
        PROGRAMS[name](threading.Lock())

    finding = explore(body, strategy="exhaustive", executions=3000, seconds=60)
    assert finding.verdict == "ruled out", finding.report()
