"""After each test everything that was injected has been taken away."""

from __future__ import annotations

import threading

import pytest

import injected_programs
from pytest_racecheck.faults import armed_count
from pytest_racecheck.probes import points


@pytest.fixture(autouse=True)
def all_is_restored():
    """The codes of functions, the methods of locks, probes and threads are as they were."""
    kinds = (injected_programs.Till, injected_programs.Wire, injected_programs.Kinds)
    before = [(held, held.__code__) for kind in kinds for held in functions_of(kind)]
    locks = dict(vars(type(threading.Lock())))
    threads = threading.active_count()
    yield
    assert armed_count() == 0
    assert not points._intercepted
    assert [(held, held.__code__) for held, _ in before] == before
    assert dict(vars(type(threading.Lock()))) == locks
    assert threading.active_count() == threads


def functions_of(kind):
    return [held for held in vars(kind).values() if hasattr(held, "__code__")]
