"""How the threads of a search are placed on the machine, and that nothing of it stays."""

from __future__ import annotations

import os
import threading

import pytest

from pytest_racecheck.engine import carrier
from pytest_racecheck.engine.carrier import OneCpu, _cpu_of_its_own

pytestmark = pytest.mark.skipif(
    not hasattr(os, "SCHED_BATCH"), reason="only Linux has a batch class to choose"
)


def placement() -> tuple[int, set[int]]:
    return os.sched_getscheduler(0), os.sched_getaffinity(0)


def test_threads_started_inside_are_in_the_batch_class_on_one_cpu():
    seen = []
    with OneCpu():
        thread = threading.Thread(target=lambda: seen.append(placement()))
        thread.start()
        thread.join()
    [(policy, cpus)] = seen
    assert policy == os.SCHED_BATCH
    assert len(cpus) == 1


def test_the_calling_thread_is_placed_as_before_afterwards():
    before = placement()
    with OneCpu():
        assert placement() != before
    assert placement() == before


def test_a_class_that_somebody_chose_is_left_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_FIFO)
    monkeypatch.setattr(os, "sched_setscheduler", lambda *args: asked.append(args))
    with OneCpu():
        pass
    assert asked == []


@pytest.mark.parametrize("name", ["sched_setaffinity", "sched_setscheduler"])
def test_a_sandbox_that_forbids_one_of_them_still_gets_the_other(name, monkeypatch):
    before = placement()

    def forbidden(*_):
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, name, forbidden)
        with OneCpu():
            policy, cpus = placement()
    if name == "sched_setaffinity":
        assert (policy, cpus) == (os.SCHED_BATCH, before[1])
    else:
        assert (policy, len(cpus)) == (before[0], 1)
    assert placement() == before


def test_the_cpu_is_the_one_where_the_thread_is(monkeypatch):
    monkeypatch.setattr(carrier, "_worker", "")
    everywhere = os.sched_getaffinity(0)
    try:
        for cpu in everywhere:
            os.sched_setaffinity(0, {cpu})
            assert _cpu_of_its_own(everywhere) == cpu
    finally:
        os.sched_setaffinity(0, everywhere)


def test_workers_of_xdist_have_a_cpu_each_and_begin_again_when_there_are_more(monkeypatch):
    chosen = []
    for worker in ("0", "1", "2"):
        monkeypatch.setattr(carrier, "_worker", worker)
        chosen.append(_cpu_of_its_own({4, 7}))
    assert chosen == [4, 7, 4]


def test_a_cpu_that_is_not_allowed_is_never_chosen(monkeypatch):
    monkeypatch.setattr(carrier, "_worker", "")
    nowhere_near = {max(os.sched_getaffinity(0)) + 1}
    assert _cpu_of_its_own(nowhere_near) == min(nowhere_near)
