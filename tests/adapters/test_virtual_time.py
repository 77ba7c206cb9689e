"""Clocks under control, seen from a thread that is not controlled."""

from __future__ import annotations

import time

import pytest

from pytest_racecheck.adapters.threads import control_threads


@pytest.mark.parametrize("clock", ["monotonic", "perf_counter", "time"])
def test_a_thread_outside_control_reads_the_real_clock(clock):
    before, before_ns = getattr(time, clock)(), getattr(time, f"{clock}_ns")()
    with control_threads():
        within, within_ns = getattr(time, clock)(), getattr(time, f"{clock}_ns")()
    assert before <= within <= getattr(time, clock)()
    assert before_ns <= within_ns <= getattr(time, f"{clock}_ns")()


def test_the_clocks_are_the_same_functions_afterwards():
    before = time.monotonic, time.perf_counter_ns, time.sleep
    with control_threads():
        assert time.monotonic is not before[0]
    assert before == (time.monotonic, time.perf_counter_ns, time.sleep)
