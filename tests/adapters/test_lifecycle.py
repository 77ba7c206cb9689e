"""Threads under control from birth to end, whichever way they are started."""

from __future__ import annotations

import _thread
import contextvars
import threading
from _thread import start_new_thread
from functools import partial
from threading import Thread, Timer
from time import sleep

import pytest

from twins import Box, Twins, adder, assert_found, assert_ruled_out, find, together

TWINS = Twins()


@TWINS.each()
def test_the_race_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


@TWINS.add("Thread", "assertion")
def thread(broken):
    box, add = adder(broken)
    together(add, add)
    assert box.value == 2


@TWINS.add("Thread.join", "assertion")
def join(broken):
    box = Box()
    child = threading.Thread(target=setattr, args=(box, "value", 1))
    child.start()
    if not broken:
        child.join()
    assert box.value == 1, "looked before the thread had ended"


@TWINS.add("Thread.join(timeout)", "assertion")
def timed_join(broken):
    child = threading.Thread(target=sleep, args=(5,))
    child.start()
    child.join(timeout=4 if broken else 300)
    assert not child.is_alive(), "it did not end in time"
    child.join()


@TWINS.add("a subclass of Thread", "assertion")
def subclass(broken):
    class Adder(threading.Thread):
        def __init__(self, add):
            super().__init__()
            self.add = add

        def run(self):
            self.add()

    box, add = adder(broken)
    threads = [Adder(add), Adder(add)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert box.value == 2


@TWINS.add("from threading import Thread", "assertion")
def thread_by_name(broken):
    box, add = adder(broken)
    threads = [Thread(target=add, daemon=True), Thread(target=add)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert box.value == 2


@TWINS.add("threads started by a thread", "assertion")
def grandchildren(broken):
    box, add = adder(broken)
    together(partial(together, add, add))
    assert box.value == 2


@TWINS.add("a thread that outlives its parent", "assertion", preemptions=1)
def orphan(broken):
    box, add = adder(broken)
    done = threading.Semaphore(0)

    def add_and_say():
        add()
        done.release()

    together(*[lambda: threading.Thread(target=add_and_say).start()] * 2)
    done.acquire()
    done.acquire()
    assert box.value == 2


@TWINS.add("Thread.is_alive", "assertion")
def is_alive(broken):
    box = Box()
    child = threading.Thread(target=setattr, args=(box, "value", 1))
    child.start()
    if broken:
        seen, ended = box.value, not child.is_alive()
    else:
        ended, seen = not child.is_alive(), box.value
    child.join()
    assert not ended or seen == 1, "it ended between the two looks"


@TWINS.add("Timer", "assertion")
def timer(broken):
    box = Box()
    late = threading.Timer(5.0, setattr, (box, "value", 1))
    late.start()
    sleep(5.0 if broken else 0)
    late.cancel()
    late.join()
    assert box.value == 0, "cancelled too late"


@TWINS.add("from threading import Timer", "assertion")
def timer_by_name(broken):
    box = Box()
    late = Timer(60.0, setattr, (box, "value", 1))
    late.start()
    if broken:
        sleep(60.0)
    else:
        late.join()
    assert box.value == 1, "looked before it had fired"


def raw_threads(start, broken):
    box, add = adder(broken)
    done = _thread.allocate_lock()
    turns = threading.Semaphore(0)

    def work():
        add()
        turns.release()

    for _ in range(2):
        start(work, ())
    with done:
        turns.acquire()
        turns.acquire()
    assert box.value == 2


@TWINS.add("_thread.start_new_thread", "assertion", within=200, preemptions=2)
def raw_thread(broken):
    raw_threads(_thread.start_new_thread, broken)


@TWINS.add("from _thread import start_new_thread", "assertion", within=200, preemptions=2)
def raw_thread_by_name(broken):
    raw_threads(start_new_thread, broken)


@TWINS.add("threading.local", "assertion")
def thread_local(broken):
    place = Box() if broken else threading.local()
    lock = threading.Lock()

    def work(number):
        place.value = number
        with lock:
            pass
        assert place.value == number, "somebody else's value"

    together(partial(work, 1), partial(work, 2))


# ------------------------------------------------------------------------------ as without control


def test_a_thread_is_what_it_is_without_control():
    seen = []

    def body():
        child = threading.Thread(target=lambda: seen.append(observed(child)), name="worker")
        before = (child.is_alive(), child.ident)
        child.start()
        child.join()
        seen.append((before, child.is_alive(), child.ident is None, child in threading.enumerate()))

    def observed(child):
        return (
            threading.current_thread() is child,
            threading.get_ident() == child.ident,
            threading.get_native_id() == child.native_id,
            child in threading.enumerate(),
            child.is_alive(),
            threading.main_thread() is threading.current_thread(),
        )

    assert find(body).verdict != "reproduced"
    controlled = seen[:2]
    seen.clear()
    body()
    assert controlled == seen


def test_misuse_of_threads_raises_what_it_raises_without_control():
    errors = []

    def body():
        child = threading.Thread(target=int)
        for misuse in (
            child.join,
            lambda: [child.start(), child.start()],
            lambda: threading.current_thread().join(),
            lambda: NeverInitialised().start(),
        ):
            try:
                misuse()
            except RuntimeError as error:
                errors.append(str(error))
        child.join()

    find(body)
    controlled = errors[:4]
    errors.clear()
    body()
    assert controlled == errors


class NeverInitialised(threading.Thread):
    """Forgets what every subclass forgets once."""

    def __init__(self):
        pass


def test_names_of_threads_are_the_same_in_every_execution():
    names = []

    def body():
        threads = [threading.Thread(target=int) for _ in range(2)]
        together(int)
        names.append([thread.name for thread in threads])
        assert len(names) < 20, "enough"

    find(body, strategy="random")
    assert len(names) >= 20
    assert set(map(tuple, names)) == {("Thread-1 (int)", "Thread-2 (int)")}


def test_thread_local_data_of_one_execution_is_not_seen_in_the_next():
    def body():
        def work():
            assert not hasattr(LOCAL, "value"), "left over"
            LOCAL.value = 1

        together(work, work)

    assert find(body, strategy="random", executions=50).failure is None
    assert not hasattr(LOCAL, "value")


LOCAL = threading.local()


def test_thread_local_data_made_in_a_body_is_not_seen_in_the_next_execution():
    def body():
        place = threading.local()

        def work():
            assert not hasattr(place, "value")
            place.value = 1

        together(work, work)

    assert find(body, strategy="random", executions=50).failure is None


def test_context_variables_of_one_execution_are_not_seen_in_the_next():
    variable = contextvars.ContextVar("variable", default=0)

    def body():
        def work():
            assert variable.get() == 0, "left over"
            variable.set(1)

        together(work, work)
        assert variable.get() == 0, "a thread changed the context of its parent"
        variable.set(2)

    assert find(body, strategy="random", executions=50).failure is None
    assert variable.get() == 0


def test_two_hundred_threads_are_controlled():
    def body():
        count, lock = Box(), threading.Lock()

        def add():
            with lock:
                count.value += 1

        together(*[add] * 200)
        assert count.value == 200

    finding = find(body, strategy="random", executions=3)
    assert finding.failure is None
    assert finding.warnings == ()
    assert "201 tasks" in finding.reason


def test_two_hundred_threads_that_wait_for_one_another_are_unwound():
    def body():
        gate = threading.Barrier(201)
        together(*[gate.wait] * 200)

    before = threading.active_count()
    finding = find(body)
    assert (finding.verdict, finding.failure.kind) == ("reproduced", "deadlock")
    assert threading.active_count() == before


def test_system_exit_in_a_thread_ends_it_without_a_word():
    def body():
        def leave():
            raise SystemExit(3)

        together(leave, leave)

    assert find(body).verdict == "ruled out"


def test_an_exception_in_a_thread_is_a_failure_with_its_place():
    def body():
        def work():
            raise LookupError("nothing there")

        together(work, int)

    finding = find(body)
    failure = finding.failure
    assert (finding.verdict, failure.kind, failure.type) == (
        "reproduced",
        "exception",
        "LookupError",
    )
    assert failure.message == "nothing there"
    assert failure.task == "main/0"
    line = body.__code__.co_firstlineno + 2
    assert failure.where == f"test_lifecycle.py:{line}"


def test_a_test_that_sets_its_own_excepthook_judges_exceptions_itself(monkeypatch):
    heard = []
    monkeypatch.setattr(threading, "excepthook", heard.append)

    def body():
        def work():
            raise LookupError

        together(work, int)

    assert find(body).verdict == "ruled out"
    assert {args.exc_type for args in heard} == {LookupError}


def test_a_daemon_thread_left_over_is_named_and_no_failure():
    def body():
        threading.Thread(target=threading.Event().wait, daemon=True, name="heartbeat").start()

    finding = find(body)
    assert finding.failure is None
    assert any("heartbeat" in warning for warning in finding.warnings)


def test_a_thread_left_over_is_a_deadlock():
    def body():
        threading.Thread(target=threading.Event().wait, name="forgotten").start()

    finding = find(body)
    assert (finding.verdict, finding.failure.kind) == ("reproduced", "deadlock")
    assert "forgotten" in finding.failure.waits[0]


def test_a_daemon_does_not_excuse_the_thread_beside_it():
    def body():
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        threading.Thread(target=threading.Event().wait, name="forgotten").start()

    finding = find(body)
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.kind == "deadlock"


@pytest.mark.parametrize("daemon", [True, False])
def test_a_thread_that_a_deadlock_kept_from_beginning_is_marked_as_ended(daemon):
    threads = []

    def body():
        late = threading.Thread(target=int, daemon=daemon)
        late.start()
        threads.append(late)
        lock = threading.Lock()
        with lock, lock:
            pass

    finding = find(body, strategy="random", executions=40)
    assert finding.verdict == "reproduced"
    assert not any(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join(timeout=5)


def test_a_thread_joins_one_that_ended_before_it_was_born():
    def body():
        first = threading.Thread(target=int)
        first.start()
        first.join()
        together(first.join, first.join)

    assert find(body).verdict == "ruled out"
