"""Control as a whole: of objects made earlier, of our threads only, and nothing left afterwards."""

from __future__ import annotations

import _queue
import _thread
import gc
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from types import MethodType

import pytest

import made_at_import as made
from pytest_racecheck import explore
from pytest_racecheck.adapters import (
    lifecycle,
    locks,
    selectors_control,
    simple_queue,
    threads,
    virtual_time,
)
from twins import Box, Twins, assert_found, assert_ruled_out, crosswise, find, together

TWINS = Twins()


@TWINS.each()
def test_the_race_in_an_object_made_at_import_time_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


@TWINS.each()
def test_the_object_is_as_it_was_afterwards(twin):
    find(twin.broken)
    for lock in (*made.LOCKS, *made.RLOCKS, made.Account.lock):
        assert lock.acquire(False)
        lock.release()
    assert not made.EVENT.is_set()
    for semaphore in (made.SEMAPHORE, made.BOUNDED):
        assert semaphore.acquire(False)
        semaphore.release()
    with made.CONDITION, made.CONDITION_OF_LOCK, made.OWN_CONDITION:
        pass
    for items in (made.QUEUE, made.LIFO, made.PRIORITY, made.SIMPLE):
        assert items.empty()


@TWINS.add("module-level Lock", "deadlock")
def module_lock(broken):
    crosswise(*made.LOCKS, broken)


@TWINS.add("module-level RLock", "deadlock")
def module_rlock(broken):
    crosswise(*made.RLOCKS, broken)


@TWINS.add("module-level RLock without with", "deadlock")
def module_rlock_by_hand(broken):
    # A stuck task takes it with it: it has to be free again in the next execution.
    def take(first, second):
        first.acquire()
        second.acquire()
        second.release()
        first.release()

    one, other = made.RLOCKS
    together(partial(take, one, other), partial(take, *([other, one] if broken else [one, other])))


@TWINS.add("class-level Lock", "assertion")
def class_lock(broken):
    account = made.Account()
    together(*[partial(account.deposit, 10, broken)] * 2)
    assert account.balance == 20


def signal_once(condition, broken):
    ready = Box(False)

    def announce():
        with condition:
            ready.value = True
            condition.notify()

    def wait():
        with condition:
            seen = ready.value
            if not broken:
                condition.wait_for(lambda: ready.value)
        if broken and not seen:
            with condition:
                condition.wait()

    together(wait, announce)


@TWINS.add("import-time Condition", "lost wake-up")
def import_time_condition(broken):
    signal_once(made.CONDITION, broken)


@TWINS.add("import-time Condition of a Lock", "lost wake-up")
def import_time_condition_of_lock(broken):
    signal_once(made.CONDITION_OF_LOCK, broken)


@TWINS.add("import-time subclass of Condition", "lost wake-up")
def import_time_own_condition(broken):
    signal_once(made.OWN_CONDITION, broken)


@TWINS.add("import-time Event", "assertion")
def import_time_event(broken):
    box, lock = Box(), threading.Lock()

    def work():
        if broken:
            made.EVENT.set()
        with lock:
            box.value = 1
        made.EVENT.set()

    def look():
        made.EVENT.wait()
        with lock:
            assert box.value == 1

    try:
        together(work, look)
    finally:
        made.EVENT.clear()


@TWINS.add("import-time Semaphore", "assertion")
def import_time_semaphore(broken):
    box = Box()

    def add():
        with made.SEMAPHORE:
            seen = box.value
            if not broken:
                box.value = seen + 1
        if broken:
            with made.SEMAPHORE:
                box.value = seen + 1

    together(add, add)
    assert box.value == 2


@TWINS.add("import-time BoundedSemaphore", "exception")
def import_time_bounded_semaphore(broken):
    def borrow():
        with made.BOUNDED:
            pass

    def give_what_nobody_took():
        if broken:
            made.BOUNDED.release()
            made.BOUNDED.acquire()

    together(borrow, give_what_nobody_took)


@TWINS.add("import-time Barrier", "assertion")
def import_time_barrier(broken):
    box = Box()

    def work():
        if made.BARRIER.wait() == 0:
            box.value = 1
        if not broken:
            made.BARRIER.wait()
        assert box.value == 1

    together(work, work)


@pytest.mark.parametrize("name", ["QUEUE", "LIFO", "PRIORITY", "SIMPLE"])
@pytest.mark.parametrize("broken", [True, False])
def test_queues_made_at_import_time_are_controlled(name, broken):
    items = getattr(made, name)

    def body():
        items.put(1)
        got = []

        def take():
            if not broken or not items.empty():
                try:
                    got.append(items.get_nowait())
                except _queue.Empty:
                    assert not broken

        together(take, take)
        assert got == [1]

    assert find(body).verdict == ("reproduced" if broken else "ruled out")


@TWINS.add("Lock in a closure", "assertion")
def closure(broken):
    box = Box()

    def add():
        seen = made.in_closure(lambda: box.value)
        made.in_closure(lambda: setattr(box, "value", seen + 1))

    def add_at_once():
        made.in_closure(lambda: setattr(box, "value", box.value + 1))

    together(*[add if broken else add_at_once] * 2)
    assert box.value == 2


@TWINS.add("Lock in a default", "assertion")
def default(broken):
    box = Box()

    def add():
        seen = made.by_default(lambda: box.value)
        made.by_default(lambda: setattr(box, "value", seen + 1))

    def add_at_once():
        made.by_default(lambda: setattr(box, "value", box.value + 1))

    together(*[add if broken else add_at_once] * 2)
    assert box.value == 2


@TWINS.add("sleep in a default", "assertion")
def sleep_in_default(broken):
    box = Box()

    def add():
        seen = box.value
        made.pause(1000 if broken else 0)
        box.value = (seen if broken else box.value) + 1

    together(add, add)
    assert box.value == 2


# ------------------------------------------------- a race that only control can see is not chance

_REAL = {
    "Event.is_set": (locks, "_is_set_controlled", locks._is_set),
    "Thread.is_alive": (lifecycle, "_is_alive_controlled", lifecycle._is_alive),
    "SimpleQueue.empty": (simple_queue, "_look", lambda method: method),
    "time.sleep and clocks": (threads, "TIME", []),
}


def add_between(pass_through):
    box = Box()

    def add():
        seen = box.value
        pass_through()
        box.value = seen + 1

    together(add, add)
    assert box.value == 2


_RACES = {
    "Event.is_set": lambda: add_between(threading.Event().is_set),
    "Thread.is_alive": lambda: add_between(threading.Thread().is_alive),
    "SimpleQueue.empty": lambda: add_between(_queue.SimpleQueue().empty),
    "time.sleep and clocks": lambda: add_between(time.monotonic),
}


@pytest.mark.parametrize("name", _RACES)
def test_without_its_gate_the_race_is_not_found(name, monkeypatch):
    assert find(_RACES[name], executions=200).verdict == "reproduced"
    monkeypatch.setattr(*_REAL[name])
    without = find(_RACES[name], executions=200, patience_s=0.2)
    assert getattr(without.failure, "kind", None) != "assertion", without.report()


# -------------------------------------------------------------------------------- not our threads


def test_a_thread_outside_control_downgrades_the_verdict_and_is_named():
    orders, gate, strangers = queue.SimpleQueue(), threading.Event(), []

    def serve():
        while orders.get() != "stop":
            stranger = threading.Thread(target=gate.wait, name="stranger")
            stranger.start()
            strangers.append(stranger)

    def body():
        orders.put("start a thread")
        together(int, int)
        while not strangers:
            time.sleep(1)

    server = threading.Thread(target=serve, name="server")
    server.start()
    try:
        finding = find(body, patience_s=0.4, seconds=20)
    finally:
        orders.put("stop")
        gate.set()
        server.join()
        for stranger in strangers:
            stranger.join()
    assert finding.verdict == "inconclusive", finding.report()
    assert "server" in finding.reason or "stranger" in finding.reason
    assert finding.grade is None


def test_threads_of_others_keep_real_locks_and_real_time():
    stop, turns, lock = threading.Event(), [], threading.Lock()

    def work():
        while not stop.wait(0.001):
            with lock:
                turns.append(threading.current_thread() is worker)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        body = partial(crosswise, threading.Lock(), threading.Lock(), True)
        finding = find(body, patience_s=0.2)
    finally:
        stop.set()
        worker.join()
    assert finding.verdict == "reproduced"
    assert turns
    assert all(turns)


def test_a_thread_started_outside_goes_on_while_a_body_waits_for_it():
    lock = threading.Lock()
    lock.acquire()
    releaser = threading.Timer(0.2, lock.release)
    releaser.start()

    def body():
        together(lambda: [lock.acquire(), lock.release()])

    finding = find(body, strategy="random", executions=2)
    releaser.join()
    assert finding.failure is None, finding.report()


# -------------------------------------------------------------------------------- all is restored


_FUNCTIONS = {id(real) for real, _ in (*virtual_time.TIME, *lifecycle.RAW)}


def everything_replaced() -> Iterator[tuple[str, object]]:
    """Every name and entry that control may touch, with what is there now."""
    kinds = (_thread.LockType, _thread.RLock, _queue.SimpleQueue, *selectors_control._KINDS)
    classes = (threading.Thread, threading.Event, threading.Condition, Future, ThreadPoolExecutor)
    for kind in (*kinds, *classes):
        for name, value in vars(kind).items():
            yield f"{kind.__module__}.{kind.__qualname__}.{name}", value
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in _FUNCTIONS or type(value) is MethodType or name == "id":
                yield f"{module.__name__}.{name}", value
    yield "threads' names", threading._counter
    yield "defaults", made.pause.__defaults__
    for condition in (made.CONDITION, made.CONDITION_OF_LOCK, made.OWN_CONDITION):
        for name in ("acquire", "release", "_release_save", "_acquire_restore"):
            method = getattr(condition, name)
            yield f"{id(condition)} {name}", (type(method), getattr(method, "__func__", None))
    yield "unraisable hook", sys.unraisablehook
    yield "filters", list(logging.getLogger("concurrent.futures").filters)
    yield "garbage collection", gc.isenabled()
    yield "code", crosswise.__code__
    yield "affinity", os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield "signals", [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def changed_since(before: list[tuple[str, object]]) -> list[str]:
    """The names whose value is not the very same, or the same where it is made anew each time."""
    after = dict(everything_replaced())
    return [name for name, value in before if not same(value, after.get(name))]


def same(one: object, other: object) -> bool:
    made_anew = isinstance(one, (MethodType, tuple, list, set))
    return one is other or (made_anew and one == other)


def fine():
    together(int, partial(time.sleep, 3))


def failing():
    together(partial(int, "x"))


def stuck():
    crosswise(*made.LOCKS, True)


def interrupted():
    together(int)
    raise KeyboardInterrupt


def skipped():
    together(int)
    pytest.skip("not today")


def spinning():
    gate = threading.Event()

    def spin():
        while not gate.is_set():
            pass

    together(spin)


@pytest.mark.parametrize("points", ["sync", "access"])
@pytest.mark.parametrize("body", [fine, failing, stuck, interrupted, skipped, spinning])
def test_everything_is_restored(body, points):
    explore(fine, points=points, executions=1)
    before = list(everything_replaced())  # no dict: control would reach into it
    count = threading.active_count()
    stops = {interrupted: KeyboardInterrupt, skipped: pytest.skip.Exception}.get(body)
    with nullcontext() if stops is None else pytest.raises(stops):
        explore(body, points=points, executions=30, seconds=10, max_steps=500)
    assert changed_since(before) == []
    assert threading.active_count() == count


def test_everything_is_restored_when_control_cannot_begin(monkeypatch):
    before = list(everything_replaced())  # no dict: control would reach into it

    def refuse():
        raise RuntimeError("no selectors here")

    monkeypatch.setattr(threads, "controlled_selectors", refuse)
    with pytest.raises(RuntimeError, match="no selectors"):
        find(fine)
    assert changed_since(before) == []


def test_what_is_replaced_shows_that_the_comparison_can_fail():
    before = list(everything_replaced())  # no dict: control would reach into it
    with threads.control_threads():
        changed = set(changed_since(before))
    assert changed_since(before) == []
    for name in (
        "_thread.lock.acquire",
        "_thread.RLock.release",
        "_queue.SimpleQueue.get",
        "threading.Thread.start",
        "threading.Event.is_set",
        "threading.Condition.notify",
        "concurrent.futures._base.Future.__init__",
        "concurrent.futures.thread.ThreadPoolExecutor._counter",
        "time.sleep",
        "time.perf_counter_ns",
        "_thread.start_new_thread",
        "os._exit",
        "defaults",
        "unraisable hook",
        f"{id(made.CONDITION)} acquire",
    ):
        assert name in changed, sorted(changed)


def test_locks_and_threads_work_as_ever_afterwards():
    find(stuck)
    lock, done = threading.Lock(), []
    with lock:
        thread = threading.Thread(target=lambda: [lock.acquire(), done.append(1), lock.release()])
        thread.start()
        assert not done
    thread.join(timeout=10)
    assert done == [1]
    begun = time.monotonic()
    assert not threading.Event().wait(0.01)
    assert time.monotonic() - begun < 10
