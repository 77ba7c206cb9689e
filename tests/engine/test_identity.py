"""Who a task is, on either carrier: what Python says of a thread has to be true of each task."""

from __future__ import annotations

import _thread
import contextvars
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from pytest_racecheck import Verdict, explore
from twins import together

CARRIERS = ("threads", "greenlets")
AT_IMPORT = threading.local()
RAW_AT_IMPORT = _thread._local()
VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("VARIABLE", default=0)


class Counted(threading.local):
    """Counts how often it is set up: once in each thread that uses it."""

    def __init__(self, begin):
        self.value = begin


COUNTED = Counted(7)


class Shared:
    """Stands where a thread-local object should stand: the mistake."""

    value = 7


pytestmark = [pytest.mark.parametrize("carrier", CARRIERS), pytest.mark.asks_for_carriers]


def finding(body, carrier):
    return explore(body, carrier=carrier, strategy="exhaustive", points="sync", seconds=60.0)


def pause():
    with threading.Lock():
        pass


def keeps_its_own(place, before):
    """A task finds ``before``, writes its own value, and finds that again after others moved."""

    def body():
        here = place() if callable(place) else place

        def work(number):
            assert getattr(here, "value", None) == before, "somebody else's from the beginning"
            here.value = number
            pause()
            assert here.value == number, "somebody else's"
            here.value = before

        together(partial(work, 1), partial(work, 2))

    return body


@pytest.mark.parametrize(
    ("place", "before"),
    [(COUNTED, 7), (partial(Counted, 3), 3)],
    ids=["made at import", "made in the body"],
)
def test_a_subclass_of_local_is_set_up_for_each_task(place, before, carrier):
    assert finding(keeps_its_own(place, before), carrier).verdict == Verdict.RULED_OUT


@pytest.mark.parametrize(
    "place",
    [AT_IMPORT, RAW_AT_IMPORT, threading.local, _thread._local],
    ids=["made at import", "C type made at import", "made in the body", "C type"],
)
def test_a_local_belongs_to_its_task(place, carrier):
    def body():
        here = place() if callable(place) else place
        assert not hasattr(here, "value"), "left over"

        def work(number):
            assert not hasattr(here, "value"), "left over"
            here.value = number
            pause()
            assert here.value == number, "somebody else's"

        together(partial(work, 1), partial(work, 2))
        assert not hasattr(here, "value"), "a child's"
        here.value = 0

    assert finding(body, carrier).verdict == Verdict.RULED_OUT


def test_its_shared_twin_fails(carrier):
    assert finding(keeps_its_own(Shared, 7), carrier).failure.kind == "assertion"


def test_a_thread_that_follows_another_does_not_find_its_data(carrier):
    def body():
        for number in range(2):
            together(partial(use, number))

    def use(number):
        assert not hasattr(AT_IMPORT, "value"), "of the thread before"
        AT_IMPORT.value = number

    assert finding(body, carrier).failure is None


def test_thread_local_data_dies_in_its_task_before_join_returns(carrier):
    died = []

    class Dies:
        def __del__(self):
            died.append(threading.get_ident())

    def body():
        died.clear()
        worker = threading.Thread(target=lambda: setattr(AT_IMPORT, "value", Dies()))
        worker.start()
        worker.join()
        assert died == [worker.ident]

    assert finding(body, carrier).failure is None


def test_a_context_belongs_to_its_task(carrier):
    def body():
        def work(number):
            assert VARIABLE.get() == 0, "somebody else's from the beginning"
            token = VARIABLE.set(number)
            pause()
            assert VARIABLE.get() == number, "somebody else's"
            VARIABLE.reset(token)
            VARIABLE.set(number)

        together(partial(work, 1), partial(work, 2))
        assert VARIABLE.get() == 0
        VARIABLE.set(3)

    assert finding(body, carrier).verdict == Verdict.RULED_OUT


def test_an_exception_that_is_handled_belongs_to_its_task(carrier):
    def body():
        seen = []

        def work(number):
            assert sys.exc_info() == (None, None, None)
            try:
                raise KeyError(number)
            except KeyError as mine:
                pause()
                seen.append(sys.exc_info()[1] is mine)
            pause()
            assert sys.exc_info() == (None, None, None)

        together(partial(work, 1), partial(work, 2))
        assert seen == [True, True]

    assert finding(body, carrier).verdict == Verdict.RULED_OUT


def test_numbers_names_and_lists_tell_the_tasks_apart(carrier):
    def body():
        seen = []

        def work():
            me = threading.current_thread()
            pause()
            assert threading.current_thread() is me
            assert me.ident == threading.get_ident() == _thread.get_ident()
            assert me.native_id == threading.get_native_id()
            assert me in threading.enumerate()
            assert me.is_alive()
            seen.append((me.ident, me.native_id, me.name))

        workers = [threading.Thread(target=work, name=f"worker {n}") for n in range(2)]
        others = threading.active_count()
        for worker in workers:
            worker.start()
        assert others <= threading.active_count() <= others + 2
        assert threading.current_thread() is threading.main_thread()
        for worker in workers:
            worker.join()
            assert not worker.is_alive()
            assert worker not in threading.enumerate()
        assert {name for _, _, name in seen} == {"worker 0", "worker 1"}
        assert {worker.ident for worker in workers} == {ident for ident, _, _ in seen}
        assert threading.get_ident() not in {ident for ident, _, _ in seen}

    assert finding(body, carrier).failure is None


def test_tasks_that_begin_one_another_all_have_room_for_their_calls(carrier):
    def body():
        gate = threading.Barrier(150)
        together(*[gate.wait] * 150)

    assert explore(body, carrier=carrier, points="sync", executions=1).failure is None


def test_threads_that_live_together_have_different_numbers(carrier):
    def body():
        gate = threading.Barrier(3)
        idents = []

        def work():
            idents.append(threading.get_ident())
            gate.wait()

        together(work, work, work)
        assert len(set(idents)) == 3

    assert explore(body, carrier=carrier, executions=40, strategy="random").failure is None


def initialise():
    AT_IMPORT.value = threading.current_thread().name


def test_the_initialiser_of_an_executor_runs_in_each_worker(carrier):
    def body():
        with ThreadPoolExecutor(2, thread_name_prefix="pool", initializer=initialise) as pool:
            jobs = [pool.submit(lambda: AT_IMPORT.value) for _ in range(2)]
            names = {job.result() for job in jobs}
        assert names <= {"pool_0", "pool_1"}
        assert not hasattr(AT_IMPORT, "value")

    found = explore(body, carrier=carrier, points="sync", executions=60, strategy="random")
    assert found.failure is None


def test_its_twin_without_initialiser_fails(carrier):
    def body():
        with ThreadPoolExecutor(2) as pool:
            pool.submit(lambda: AT_IMPORT.value).result()

    assert finding(body, carrier).failure.type == "AttributeError"


# ------------------------------------------------------------------------------ who owns an RLock


def rlock_program(broken):
    lock = threading.Lock() if broken else threading.RLock()
    inside = []

    def work(number):
        with lock:
            with lock:
                inside.append(number)
                pause()
                assert inside == [number], "two at once"
                inside.clear()

    together(partial(work, 1), partial(work, 2))


def test_an_rlock_belongs_to_the_task_that_took_it(carrier):
    assert finding(partial(rlock_program, False), carrier).verdict == Verdict.RULED_OUT


def test_its_twin_with_a_plain_lock_is_stuck(carrier):
    assert finding(partial(rlock_program, True), carrier).failure.kind == "deadlock"


def test_an_rlock_of_another_task_can_neither_be_taken_nor_given(carrier):
    def body():
        lock = threading.RLock()
        taken, asked = threading.Event(), threading.Event()

        def owner():
            with lock:
                taken.set()
                asked.wait()

        def other():
            taken.wait()
            assert not lock._is_owned()
            assert not lock.acquire(blocking=False)
            with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
                lock.release()
            with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
                threading.Condition(lock).notify()
            asked.set()

        together(owner, other)

    assert finding(body, carrier).verdict == Verdict.RULED_OUT


# -------------------------------------------------------------------------------- nothing is left


def test_nothing_of_an_execution_is_visible_to_the_next(carrier):
    def body():
        def work():
            assert VARIABLE.get() == 0
            assert not hasattr(AT_IMPORT, "value")
            assert COUNTED.value == 7
            assert threading.current_thread().name in {"Thread-1 (work)", "Thread-2 (work)"}
            VARIABLE.set(1)
            AT_IMPORT.value = COUNTED.value = 1

        work_once = [threading.Thread(target=work) for _ in range(2)]
        for worker in work_once:
            worker.start()
        for worker in work_once:
            worker.join()
        assert VARIABLE.get() == 0
        assert not hasattr(AT_IMPORT, "value")
        VARIABLE.set(2)
        AT_IMPORT.value = 2

    assert explore(body, carrier=carrier, executions=60, strategy="random").failure is None
    assert VARIABLE.get() == 0
    assert not hasattr(AT_IMPORT, "value")


def test_a_thread_is_listed_as_soon_as_it_is_started(carrier):
    def body():
        gate, before = threading.Lock(), threading.active_count()
        with gate:
            worker = threading.Thread(target=lambda: gate.acquire())
            worker.start()
            assert worker in threading.enumerate()
            assert threading.active_count() == before + 1
        worker.join()
        assert worker not in threading.enumerate()

    assert finding(body, carrier).failure is None
