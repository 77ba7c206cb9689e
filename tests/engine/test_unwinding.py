"""The end of an execution: what is stuck ends cleanly, and the next one begins as the first did."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from pytest_racecheck.diagnosis.witness import others_alive
from twins import Box, crosswise, find, together

LOCK, RLOCK = threading.Lock(), threading.RLock()
CONDITION = threading.Condition()


def threads_now():
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def crosswise_locks(broken):
    crosswise(threading.Lock(), threading.RLock(), broken)


@pytest.mark.parametrize("strategy", ["exhaustive", "random", "pct", "portfolio"])
def test_a_hundred_deadlocks_cost_no_thread(strategy):
    before = threads_now()
    for _ in range(5):
        finding = find(
            lambda: crosswise(threading.Lock(), threading.RLock(), True),
            strategy=strategy,
            replays=20,
        )
        assert finding.verdict == "reproduced"
    assert threads_now() == before


def test_finally_blocks_and_context_managers_of_stuck_tasks_run():
    cleaned = []

    class Resource:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, traceback):
            cleaned.append(("exit", kind.__name__))

    @contextlib.contextmanager
    def managed():
        try:
            yield
        finally:
            cleaned.append(("generator", ""))

    def body():
        def stuck():
            try:
                with Resource(), managed():
                    threading.Event().wait()
            finally:
                cleaned.append(("finally", ""))

        together(stuck)

    assert find(body, replays=1).failure.kind == "deadlock"
    assert len(cleaned) % 3 == 0
    assert cleaned[:3] == [("generator", ""), ("exit", "Unwind"), ("finally", "")]


def test_the_body_cleans_up_after_its_threads_have_ended():
    order = []

    def body():
        def stuck():
            try:
                threading.Event().wait()
            finally:
                order.append("thread")

        try:
            together(stuck)
        finally:
            order.append("body")

    find(body, replays=1)
    assert order[:2] == ["thread", "body"]


def test_locks_can_be_taken_while_cleaning_up():
    cleaned = []

    def body():
        lock, other = threading.Lock(), threading.RLock()

        def stuck():
            try:
                threading.Event().wait()
            finally:
                with lock, other:
                    cleaned.append(1)

        together(stuck, stuck)

    assert find(body).failure.kind == "deadlock"
    assert cleaned
    assert len(cleaned) % 2 == 0


def test_a_deadlock_while_cleaning_up_ends_as_well():
    before = threads_now()

    def body():
        one, other = threading.Lock(), threading.Lock()

        def stuck(mine, theirs):
            mine.acquire()
            try:
                theirs.acquire()
            finally:
                theirs.acquire()  # nobody gives it back: it would wait for ever
                mine.release()

        together(lambda: stuck(one, other), lambda: stuck(other, one))

    finding = find(body)
    assert finding.failure.kind == "deadlock"
    assert finding.warnings == ()
    assert threads_now() == before


def test_a_task_that_swallows_the_end_again_and_again_is_ended_or_named():
    swallowed, waits, over = [], [], []

    def body():
        def stubborn():
            while not over:
                waits.append(threading.Event())
                try:
                    waits[-1].wait()
                except BaseException as error:  # noqa: BLE001 - some programs do
                    swallowed.append(type(error))

        together(stubborn)

    finding = find(body, patience_s=0.2, replays=1)
    assert finding.failure.kind == "deadlock"
    assert swallowed
    assert not others_alive() or any("abandoned" in warning for warning in finding.warnings)
    # Who was abandoned would be met by every test that comes after this one.
    over.append(True)
    while others_alive():
        for wait in waits:
            wait.set()
        threading.Event().wait(0.01)


def test_exceptions_while_cleaning_up_are_no_failures():
    def body():
        def stuck():
            try:
                threading.Event().wait()
            finally:
                raise LookupError("while cleaning up")

        together(stuck)

    finding = find(body)
    assert (finding.failure.kind, finding.verdict) == ("deadlock", "reproduced")


@pytest.mark.parametrize(
    "take",
    [
        lambda: LOCK.acquire(),
        lambda: RLOCK.acquire() and RLOCK.acquire(),
        lambda: CONDITION.acquire(),
    ],
)
def test_what_stuck_tasks_took_is_free_in_the_next_execution(take):
    def body():
        def hold():
            take()
            threading.Event().wait()

        together(hold)

    finding = find(body, replays=10)
    assert finding.replays == (10, 10), "each replay gets as far as the first"
    for lock in (LOCK, RLOCK, CONDITION):
        assert lock.acquire(blocking=False)
        lock.release()


def test_a_semaphore_that_a_stuck_task_took_is_left_over_and_said_to_be():
    # Its count is plain data of a module: nobody can know what it should be.
    counted = threading.Semaphore(8)

    def body():
        def take():
            counted.acquire()

        together(take, take)

    finding = find(body)
    assert finding.verdict == "inconclusive", finding.report()


def test_a_condition_does_not_keep_the_waiters_of_stuck_tasks():
    lock = threading.Lock()
    changed = threading.Condition(lock)

    def body():
        def wait():
            with changed:
                changed.wait()

        def keep():
            lock.acquire()
            threading.Event().wait()  # with the lock that the waiter would need

        together(wait, keep)

    for _ in range(3):
        assert find(body, replays=5).replays == (5, 5)
        assert not changed._waiters


def test_threads_waiting_in_anything_are_unwound():
    gate, before = threading.Barrier(9), threads_now()

    def body():
        changed = threading.Condition(threading.RLock())

        def in_condition():
            with changed:
                changed.wait()

        forever = threading.Event()
        together(
            gate.wait,
            in_condition,
            threading.Semaphore(0).acquire,
            forever.wait,
            lambda: (forever.wait(timeout=10**6) and time.sleep(10**6)) or forever.wait(),
            lambda: threading.Thread(target=forever.wait).start(),
        )

    finding = find(body, strategy="random", executions=3)
    assert finding.failure.kind == "deadlock"
    assert finding.warnings == ()
    assert threads_now() == before


def test_an_endless_loop_of_a_stuck_execution_is_interrupted():
    def body():
        stop = Box(False)

        def wait_then_spin():
            try:
                threading.Event().wait()
            finally:
                while not stop.value:
                    pass

        together(wait_then_spin)

    before = threads_now()
    finding = find(body, patience_s=0.2, replays=1)
    assert finding.failure.kind == "deadlock"
    deadline = time.monotonic() + 10
    while threads_now() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads_now() == before
