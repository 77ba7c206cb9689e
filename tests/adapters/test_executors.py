"""Thread pools under control: their workers, their futures, and pools that nobody shuts down."""

from __future__ import annotations

import logging
import threading
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pytest_racecheck import replay
from twins import Box, Twins, adder, assert_found, assert_ruled_out, find

TWINS = Twins()


@TWINS.each()
def test_the_race_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


@TWINS.add("submit", "assertion", within=300, preemptions=1)
def submit(broken):
    box, add = adder(broken)
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(add), pool.submit(add)]:
            job.result()
    assert box.value == 2


@TWINS.add("map", "assertion", within=300, preemptions=1)
def map_(broken):
    box, add = adder(broken)
    with futures.ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(add, range(2)))
    assert box.value == 2


@TWINS.add("shutdown", "assertion")
def shutdown(broken):
    box, add = adder(False)
    pool = ThreadPoolExecutor(2)
    pool.submit(add)
    pool.shutdown(wait=not broken)
    assert box.value == 1, "looked before the work was done"


@TWINS.add("not shut down", "assertion", within=300, preemptions=1)
def left_open(broken):
    box, add = adder(broken)
    pool = ThreadPoolExecutor(2)
    futures.wait([pool.submit(add), pool.submit(add)])
    assert box.value == 2


@TWINS.add("as_completed", "assertion", within=300, preemptions=1)
def as_completed(broken):
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(pow, number, 2) for number in (2, 3)]
        results = [job.result() for job in (futures.as_completed(jobs) if broken else jobs)]
    assert results == [4, 9], "they end in any order"


@TWINS.add("a job that waits for a job", "deadlock", preemptions=1)
def inside(broken):
    with ThreadPoolExecutor(1 if broken else 2) as pool:
        pool.submit(lambda: pool.submit(int).result()).result()


@TWINS.add("Future.done", "assertion")
def done(broken):
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(int)
        if not broken:
            futures.wait([job])
        assert job.done()


@TWINS.add("Future.cancel", "assertion")
def cancel(broken):
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(int)
        cancelled = job.cancel()
        assert cancelled or not broken, "it runs already"


@TWINS.add("a callback", "assertion", preemptions=1)
def callback(broken):
    box, lock = Box(), threading.Lock()

    def note(_):
        with lock:
            box.value = 1

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(int)
        job.add_done_callback(note)
        job.result()
        with lock:
            assert box.value == 1 or not broken, "results are there before callbacks have run"
    assert box.value == 1


# ----------------------------------------------------------------------------- pools made at import


POOL = ThreadPoolExecutor(2)


def use_pool(broken):
    box, add = adder(broken)
    futures.wait([POOL.submit(add), POOL.submit(add)])
    assert box.value == 2


def test_a_race_in_a_pool_made_at_import_time_is_found():
    finding = find(partial(use_pool, True), executions=300)
    assert finding.verdict == "reproduced", finding.report()


def test_a_pool_made_at_import_time_is_as_new_in_every_execution():
    finding = find(partial(use_pool, False), strategy="bounded", preemptions=1, executions=5000)
    assert finding.verdict == "ruled out", finding.report()


def test_a_pool_made_at_import_time_works_afterwards():
    find(partial(use_pool, False), strategy="random", executions=5)
    assert POOL.submit(pow, 2, 5).result(timeout=10) == 32
    POOL.shutdown()  # no thread of it is there for the tests that come
    POOL.__init__(2)


# -------------------------------------------------------------------------------------- determinism


def test_the_workers_have_the_same_names_in_every_execution():
    names = []

    def body():
        with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1, "own") as other:
            names.append(pool.submit(lambda: threading.current_thread().name).result())
            names.append(other.submit(lambda: threading.current_thread().name).result())

    find(body, strategy="random", executions=10)
    assert set(names) == {"ThreadPoolExecutor-0_0", "own_0"}


def test_a_schedule_with_sets_of_futures_is_replayed_every_time():
    def body():
        box, add = adder(True)
        with ThreadPoolExecutor(3) as pool:
            jobs = {pool.submit(add) for _ in range(3)}
            while jobs:
                ready, jobs = futures.wait(jobs, return_when=futures.FIRST_COMPLETED)
                for job in ready:
                    job.result()
        assert box.value == 3

    finding = find(body, strategy="random", executions=300)
    assert finding.verdict == "reproduced", finding.report()
    again = replay(body, finding.schedule, points="sync", replays=30)
    assert again.replays == (30, 30)


def test_workers_that_have_to_end_do_not_log_it(caplog):
    def body():
        pool = ThreadPoolExecutor(2)
        pool.submit(int).result()
        threading.Event().wait()

    with caplog.at_level(logging.DEBUG):
        finding = find(body)
    assert finding.failure.kind == "deadlock"
    assert caplog.records == []


def test_errors_in_initialisers_are_still_logged(caplog):
    def body():
        with ThreadPoolExecutor(1, initializer=lambda: 1 / 0) as pool:
            try:
                pool.submit(int).result()
            except futures.BrokenExecutor:
                pass

    assert find(body, strategy="random", executions=1).failure is None
    assert "Exception in initializer" in caplog.text
