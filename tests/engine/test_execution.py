"""One execution: tasks are known by birth, a failing one dies alone, adapters take part."""

from __future__ import annotations

import _thread
import threading
import time

import pytest

from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine import current_task, now_s, switch, wait_until
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from twins import Box, find, together


def run(body, seed=0, **options):
    """One execution along a random walk."""
    with control_threads() as control:
        runner = Runner(body, before=lambda _: control.before(), **options)
        with runner.ready():
            return runner.execute(next(RandomWalk(seed).deciders()))


# ------------------------------------------------------------------------------------- identity


def test_tasks_are_named_by_birth():
    def grandchild():
        pass

    def child():
        together(grandchild, grandchild)

    def body():
        together(child, child)

    for seed in range(10):
        execution = run(body, seed)
        paths = sorted(task.path for task in execution.tasks)
        assert paths == ["main", "main/0", "main/0/0", "main/0/1", "main/1", "main/1/0", "main/1/1"]
        assert [task.index for task in execution.tasks] == list(range(7))


def test_nothing_is_controlled_outside_an_execution():
    assert current_task() is None
    assert now_s() == 0.0
    switch("read", "nothing")  # a point without control is no point


def test_each_thread_knows_its_own_task():
    seen = {}

    def work():
        task = current_task()
        seen[task.path] = (task.name, threading.current_thread().name)

    run(lambda: [seen.update(main=current_task().path), together(work, work)])
    assert seen == {
        "main": "main",
        "main/0": ("Thread-1 (work)", "Thread-1 (work)"),
        "main/1": ("Thread-2 (work)", "Thread-2 (work)"),
    }


def test_a_thread_outside_is_not_a_task():
    asked, answered, seen = threading.Event(), threading.Event(), []

    def outsider():
        asked.wait()
        seen.append(current_task())
        answered.set()

    thread = threading.Thread(target=outsider)
    thread.start()
    run(lambda: [asked.set(), answered.wait()], patience_s=5.0)
    thread.join()
    assert seen == [None]


# ------------------------------------------------------------------------------------- failures


def test_a_failing_task_dies_and_the_others_go_on():
    done = []

    def fail():
        raise LookupError

    def work():
        time.sleep(10)
        done.append(1)

    execution = run(lambda: together(fail, work, work))
    assert [failure.type for failure in execution.failures] == ["LookupError"]
    assert done == [1, 1]


def test_the_first_failure_is_the_one_that_is_told():
    def fail_late():
        time.sleep(10)
        raise LookupError

    def fail_early():
        raise ZeroDivisionError

    for body in (
        lambda: together(fail_late, fail_early),
        lambda: together(fail_early, fail_late),
    ):
        assert find(body).failure.type == "ZeroDivisionError"


def test_a_race_behind_a_failing_task_is_not_hidden():
    # A search that stops the world at the first failure would never get to the second one.
    box = Box()

    def body():
        def worker(fails):
            if fails:
                raise AssertionError("one")
            time.sleep(1)
            box.value += 1

        together(lambda: worker(True), lambda: worker(False))

    box.value = 0
    execution = run(body)
    assert len(execution.failures) == 1
    assert box.value == 1


# ------------------------------------------------------------------------------ verbs of adapters


def test_switch_lets_others_go_first():
    def body():
        box = Box()

        def add():
            seen = box.value
            switch("send", "a socket")
            box.value = seen + 1

        together(add, add)
        assert box.value == 2

    finding = find(body)
    assert finding.verdict == "reproduced"
    assert "send a socket" in finding.report(), "it is told in the adapter's words"


def test_wait_until_waits_for_what_others_do():
    def body():
        box = Box([])

        def put():
            switch("put", "a box")
            box.value.append(1)

        def get():
            assert wait_until(lambda: bool(box.value), "get", "a box")
            assert box.value.pop() == 1

        together(get, put)

    assert find(body).verdict == "ruled out"


def test_wait_until_that_never_comes_true_is_a_deadlock_in_the_adapters_words():
    def body():
        together(lambda: wait_until(lambda: False, "recv", "PULL inproc://orders"))

    failure = find(body).failure
    assert failure.kind == "deadlock"
    assert "waits to recv PULL inproc://orders" in failure.waits[-1]


def test_wait_until_gives_up_at_its_virtual_deadline():
    measured = []

    def body():
        def wait():
            begun = now_s()
            assert not wait_until(lambda: False, "poll", "a socket", timeout_s=30)
            measured.append(now_s() - begun)

        together(wait)

    assert find(body).verdict == "ruled out"
    assert all(29.99 < elapsed < 30.01 for elapsed in measured)


def test_what_happens_outside_is_waited_for_in_real_time():
    arrived = []

    def body():
        arrived.clear()

        def wait():
            timer = threading.Event()
            _thread_outside(lambda: [time.sleep(0.05), arrived.append(1)])
            assert wait_until(lambda: bool(arrived), "recv", "tcp", outside=True, timeout_s=1000)
            timer.set()

        together(wait)
        assert now_s() < 1000, "the clock did not jump to the deadline meanwhile"

    finding = find(body, strategy="random", executions=2)
    assert finding.failure is None, finding.report()


def _thread_outside(function):
    """As C code starts threads: unknown to everybody."""
    from pytest_racecheck.engine import carrier

    carrier._raw_start(function, ())


@pytest.mark.parametrize("outside", [False, True])
def test_outside_is_given_up_after_the_patience(outside):
    def body():
        together(lambda: wait_until(lambda: False, "recv", "tcp://gone", outside=outside))

    begun = time.monotonic()
    execution = run(body, patience_s=1.5)
    assert [failure.kind for failure in execution.failures] == ["deadlock"]
    assert (time.monotonic() - begun >= 1.5) == outside


# --------------------------------------------------------------------------------- lost control


def test_a_native_wait_is_named_with_its_stack_and_the_others_go_on():
    def body():
        done, gate = [], _thread.allocate_lock()
        gate.acquire()

        def block_natively():
            _natively(gate)

        def work():
            done.append(1)

        together(block_natively, work)

    finding = find(body, patience_s=0.2)
    assert finding.verdict == "inconclusive"
    assert finding.grade is None
    assert "main/0 (Thread-1 (block_natively)) did not come back within 0.2 s" in finding.reason
    assert any("in block_natively" in warning for warning in finding.warnings)


def _natively(gate):
    """Wait as C code does, for at most a second: with the real method, behind the engine's back."""
    from pytest_racecheck.engine.carrier import raw_acquire

    raw_acquire(gate, True, 1.0)


def test_a_loop_without_any_point_is_named():
    def body():
        box = Box(False)

        def spin():
            end = _REAL_CLOCK() + 1.0
            while not box.value and _REAL_CLOCK() < end:
                pass

        together(spin, int)

    finding = find(body, patience_s=0.2)
    assert finding.verdict == "inconclusive"
    assert "did not come back within 0.2 s" in finding.reason
    assert "spin" in finding.reason


# In a tuple it is nobody's default, so control leaves it alone.
_REAL = (time.monotonic,)


def _REAL_CLOCK():
    return _REAL[0]()


def test_a_slow_step_within_the_patience_is_no_loss():
    def body():
        def compute():
            end = _REAL_CLOCK() + 0.3
            while _REAL_CLOCK() < end:
                pass

        together(compute, int)

    finding = find(body, strategy="random", executions=1, patience_s=5.0)
    assert "control was lost" not in finding.reason
    assert finding.warnings == ()
