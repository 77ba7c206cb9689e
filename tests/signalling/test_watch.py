"""Waiting while messages move, and naming who stands where when they do not."""

from __future__ import annotations

import itertools
import threading

import pytest

from pytest_racecheck.signalling.watch import Hang, join_all, where


@pytest.fixture
def stuck():
    """A thread that waits until the test is over."""
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="sender 1", daemon=True)
    thread.start()
    yield thread
    go.set()
    thread.join()


def test_threads_that_end_are_joined() -> None:
    threads = [threading.Thread(target=int) for _ in range(3)]
    for thread in threads:
        thread.start()
    join_all(threads, lambda: 0, deadline_s=30)
    assert not any(thread.is_alive() for thread in threads)


def test_without_progress_the_deadline_ends_the_wait(stuck: threading.Thread) -> None:
    with pytest.raises(Hang, match=r"nothing was sent or received for 0.05 seconds"):
        join_all([stuck], lambda: 0, deadline_s=0.05)


def test_progress_puts_the_deadline_off(stuck: threading.Thread) -> None:
    looks = itertools.count()
    moves = iter(range(5))
    with pytest.raises(Hang):
        join_all([stuck], lambda: next(looks) and next(moves, 4), deadline_s=0.05)
    assert next(looks) > 5


def test_a_stuck_thread_is_named_with_its_calls(stuck: threading.Thread) -> None:
    said = where([stuck])
    assert said.startswith("sender 1 is stuck in\n")
    assert "threading.py" in said


def test_threads_with_the_same_stack_are_told_once() -> None:
    go = threading.Event()
    threads = [threading.Thread(target=go.wait, name=f"s{n}", daemon=True) for n in range(7)]
    for thread in threads:
        thread.start()
    # All have entered the wait, or the test would see a moment of their start.
    while len(go._cond._waiters) < len(threads):
        pass
    said = where(threads)
    go.set()
    for thread in threads:
        thread.join()
    assert "s0, s1, s2, s3, s4 and 2 more are stuck in" in said
    assert said.count("stuck in") == 1
