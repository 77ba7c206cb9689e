"""Locks and what the standard library makes of them: each race is in the thing itself."""

from __future__ import annotations

import _thread
import threading
import time
from functools import partial
from queue import Empty, LifoQueue, PriorityQueue, Queue
from threading import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore

from twins import Box, Twins, assert_found, assert_ruled_out, crosswise, find, together

TWINS = Twins()


@TWINS.each()
def test_the_race_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


# ----------------------------------------------------------------------------------------- locks


@TWINS.add("Lock", "deadlock")
def lock(broken):
    crosswise(threading.Lock(), threading.Lock(), broken)


@TWINS.add("from threading import Lock", "deadlock")
def lock_by_name(broken):
    crosswise(Lock(), Lock(), broken)


@TWINS.add("_thread.allocate_lock", "deadlock")
def raw_lock(broken):
    crosswise(_thread.allocate_lock(), _thread.allocate_lock(), broken)


@TWINS.add("Lock.acquire and release", "deadlock")
def acquire_and_release(broken):
    one, other = threading.Lock(), threading.Lock()

    def take(first, second):
        first.acquire()
        second.acquire()
        second.release()
        first.release()

    together(partial(take, one, other), partial(take, *([other, one] if broken else [one, other])))


@TWINS.add("Lock.acquire(False)", "assertion")
def try_acquire(broken):
    lock, done = threading.Lock(), []

    def work():
        if lock.acquire(not broken):
            done.append(1)
            lock.release()

    together(work, work)
    assert len(done) == 2, "somebody gave up"


@TWINS.add("Lock.acquire(timeout)", "assertion")
def timed_acquire(broken):
    lock, done = threading.Lock(), []

    def work():
        if lock.acquire(timeout=1.0 if broken else 10.0):
            time.sleep(3.0)
            done.append(1)
            lock.release()

    together(work, work)
    assert len(done) == 2, "somebody ran out of time"


@TWINS.add("Lock.locked", "assertion")
def locked(broken):
    lock, entered = threading.Lock(), []

    def enter():
        free = not lock.locked() if broken else lock.acquire(False)
        if free:
            entered.append(1)
            if broken:
                lock.acquire(False)

    together(enter, enter)
    assert len(entered) == 1, "both found it free"


@TWINS.add("Lock.release", "assertion")
def release(broken):
    # Handed from one thread to the other: a point before the release lets the trial come first.
    lock, got = threading.Lock(), []
    lock.acquire()

    def hand_over():
        lock.release()

    def take():
        got.append(lock.acquire(not broken))

    together(hand_over, take)
    assert got == [True]


@TWINS.add("with Lock", "assertion")
def with_lock(broken):
    lock, got = threading.Lock(), []

    def hold():
        with lock:
            pass

    def take():
        got.append(lock.acquire(not broken))
        if got == [True]:
            lock.release()

    together(hold, take)
    assert got == [True], "it was held just then"


@TWINS.add("RLock", "deadlock")
def rlock(broken):
    one, other = threading.RLock(), threading.RLock()
    with one, one:
        pass
    crosswise(one, other, broken)


@TWINS.add("from threading import RLock", "assertion")
def rlock_by_name(broken):
    lock, box = RLock(), Box()

    def add():
        with lock:
            with lock:
                seen = box.value
            if broken:
                lock.release()
                lock.acquire()
            box.value = seen + 1

    together(add, add)
    assert box.value == 2


@TWINS.add("RLock.acquire(False)", "assertion")
def rlock_try_acquire(broken):
    lock, done = threading.RLock(), []

    def work():
        if lock.acquire(not broken):
            done.append(1)
            lock.release()

    together(work, work)
    assert len(done) == 2


# -------------------------------------------------------------------------- conditions and events


@TWINS.add("Condition", "exception", within=500, preemptions=1)
def condition(broken):
    items, changed = [], threading.Condition()

    def get():
        with changed:
            while not items:
                changed.wait()
                if broken:
                    break
            items.pop()

    def put():
        for _ in range(2):
            with changed:
                items.append(1)
                changed.notify_all()

    together(get, get, put)


@TWINS.add("from threading import Condition", "lost wake-up")
def condition_by_name(broken):
    ready, changed = Box(False), Condition()

    def announce():
        with changed:
            ready.value = True
            changed.notify()

    def wait_for_it():
        if broken:
            with changed:
                seen = ready.value
            if not seen:
                with changed:
                    changed.wait()
        else:
            with changed:
                changed.wait_for(lambda: ready.value)

    together(wait_for_it, announce)


@TWINS.add("Condition of an RLock held twice", "assertion")
def condition_of_rlock(broken):
    lock, box = threading.RLock(), Box()
    changed = threading.Condition(lock)

    def wait_for_it():
        with lock, changed:
            seen = box.value
            changed.wait(timeout=5)
            assert box.value == seen or not broken, "wait lets go of it"

    def change():
        with changed:
            box.value = 1
            changed.notify()

    together(wait_for_it, change)


@TWINS.add("Condition.wait(timeout)", "assertion")
def timed_wait(broken):
    changed, box = threading.Condition(), Box(False)

    def wait_for_it():
        with changed:
            came = changed.wait_for(lambda: box.value, timeout=3 if broken else 30)
        assert came, "gave up waiting"

    def announce():
        time.sleep(5)
        with changed:
            box.value = True
            changed.notify()

    together(wait_for_it, announce)


@TWINS.add("which waiter a notify wakes", "assertion")
def notify_order(broken):
    changed, waiting, woken = threading.Condition(), [], []

    def wait(number):
        with changed:
            waiting.append(number)
            changed.wait()
            woken.append(number)

    def wake():
        time.sleep(9)
        with changed:
            changed.notify(1 if broken else 2)
        time.sleep(9)
        with changed:
            assert woken == waiting[:1] or not broken, "not the one that waited longest"
            changed.notify_all()

    together(partial(wait, 0), partial(wait, 1), wake)
    assert sorted(woken) == [0, 1]


@TWINS.add("Event", "deadlock")
def event(broken):
    items, arrived = [], threading.Event()

    def get():
        if broken and not items:
            arrived.clear()
        arrived.wait()

    def put():
        items.append(1)
        arrived.set()

    together(get, put)


@TWINS.add("from threading import Event", "assertion")
def event_by_name(broken):
    box, done, lock = Box(), Event(), Lock()

    def work():
        if broken:
            done.set()
        with lock:
            box.value = 1
        done.set()

    def look():
        done.wait()
        with lock:
            assert box.value == 1, "announced too early"

    together(work, look)


@TWINS.add("Event.is_set", "assertion")
def event_is_set(broken):
    # The only operation of each thread in between: it must be a point on its own.
    box, stopped = Box(), threading.Event()

    def stop():
        stopped.set()

    def work():
        before = stopped.is_set()
        box.value = before == stopped.is_set() if broken else True

    together(stop, work)
    assert box.value, "it was set between two looks"


@TWINS.add("Event.wait(timeout)", "assertion")
def event_timed_wait(broken):
    done = threading.Event()

    def work():
        time.sleep(2.0)
        done.set()

    def wait():
        assert done.wait(1.0 if broken else 300.0), "gave up waiting"

    together(work, wait)


# ------------------------------------------------------------------------ semaphores and barriers


@TWINS.add("Semaphore", "deadlock")
def semaphore(broken):
    permits, door = threading.Semaphore(2), threading.Lock()

    def take_two():
        if broken:
            permits.acquire()
            permits.acquire()
        else:
            with door:
                permits.acquire()
                permits.acquire()
        permits.release(2)

    together(take_two, take_two)


@TWINS.add("from threading import Semaphore", "deadlock")
def semaphore_by_name(broken):
    crosswise(Semaphore(1), Semaphore(1), broken)


@TWINS.add("BoundedSemaphore", "exception")
def bounded_semaphore(broken):
    permits, door, given = threading.BoundedSemaphore(1), threading.Lock(), Box(False)
    permits.acquire()

    def give_back_once():
        if broken:
            if not given.value:
                permits.release()
                given.value = True
        else:
            with door:
                if not given.value:
                    permits.release()
                    given.value = True

    together(give_back_once, give_back_once)


@TWINS.add("from threading import BoundedSemaphore", "deadlock")
def bounded_semaphore_by_name(broken):
    crosswise(BoundedSemaphore(1), BoundedSemaphore(1), broken)


@TWINS.add("Barrier", "assertion")
def barrier(broken):
    box, gate = Box(), threading.Barrier(2)

    def work():
        if gate.wait() == 0:
            box.value = 1
        if not broken:
            gate.wait()
        assert box.value == 1, "a barrier does not order what comes after it"

    together(work, work)


@TWINS.add("from threading import Barrier", "exception")
def barrier_by_name(broken):
    gate = Barrier(2)
    together(gate.wait, gate.wait, *([gate.abort] if broken else []))


# -------------------------------------------------------------------------- queues made of locks


def check_then_get(items, broken):
    """Two threads want one item; the broken ones ask whether it is there first."""
    items.put(1)
    got = []

    def take():
        if not broken or not items.empty():
            try:
                got.append(items.get_nowait())
            except Empty:
                assert not broken, "somebody else took it"

    together(take, take)
    assert got == [1]


@TWINS.add("Queue", "assertion")
def plain_queue(broken):
    check_then_get(Queue(), broken)


@TWINS.add("LifoQueue", "assertion")
def lifo_queue(broken):
    check_then_get(LifoQueue(), broken)


@TWINS.add("PriorityQueue", "assertion")
def priority_queue(broken):
    check_then_get(PriorityQueue(), broken)


@TWINS.add("bounded Queue", "deadlock", preemptions=2)
def bounded_queue(broken):
    one, other = Queue(1), Queue(1)

    def swap(mine, theirs):
        theirs.put(1)
        if broken:
            theirs.put(2)
        mine.get()

    together(partial(swap, one, other), partial(swap, other, one))


@TWINS.add("Queue.join", "assertion")
def queue_join(broken):
    items, box, lock = Queue(), Box(), Lock()

    def work():
        items.get()
        if broken:
            items.task_done()
        with lock:
            box.value = 1
        if not broken:
            items.task_done()

    items.put(1)
    worker = threading.Thread(target=work)
    worker.start()
    items.join()
    with lock:
        assert box.value == 1
    worker.join()


@TWINS.add("Queue.get(timeout)", "exception")
def queue_timed_get(broken):
    items = Queue()

    def put():
        time.sleep(5)
        items.put(1)

    together(put, partial(items.get, timeout=4 if broken else 300))


@TWINS.add("Queue.qsize", "assertion")
def queue_size(broken):
    items, sizes = Queue(), []

    def put():
        items.put(1)

    def look():
        sizes.append(items.qsize())
        sizes.append(items.qsize() if broken else sizes[0])

    together(put, look)
    assert sizes[0] == sizes[1], "it grew between two looks"


# --------------------------------------------------------------------------- details of the model


def test_each_of_three_waiters_is_the_first_to_wake_in_some_schedule():
    first = set()

    def body():
        changed, woken = threading.Condition(), []

        def wait(number):
            time.sleep(10 * number)  # they begin to wait in this order, always
            with changed:
                changed.wait()
                woken.append(number)

        def wake():
            time.sleep(90)
            with changed:
                changed.notify()
            time.sleep(90)
            with changed:
                first.add(woken[0])
                changed.notify_all()

        together(*(partial(wait, number) for number in range(3)), wake)

    assert find(body, strategy="bounded", preemptions=0).verdict == "ruled out"
    assert first == {0, 1, 2}


def test_a_lock_that_another_thread_releases_is_no_deadlock():
    def body():
        lock = threading.Lock()
        lock.acquire()
        together(lock.release)
        lock.acquire()

    assert find(body).verdict == "ruled out"


def test_a_thread_that_takes_a_lock_twice_waits_for_itself():
    def body():
        lock = threading.Lock()

        def twice():
            with lock, lock:
                pass

        together(twice)

    finding = find(body)
    assert (finding.verdict, finding.failure.kind) == ("reproduced", "deadlock")
    assert finding.failure.message == "each waits for the next: main/0"
    assert "which main/0 (Thread-1 (twice)) took" in finding.failure.waits[-1]


def test_misuse_raises_what_it_raises_without_control():
    seen = {}

    def body():
        together(int)
        for name, misuse in MISUSES.items():
            try:
                misuse()
            except (RuntimeError, ValueError, OverflowError, TypeError) as error:
                seen[name] = (type(error), str(error))

    assert find(body).verdict != "reproduced"
    controlled = dict(seen)
    body()
    assert controlled == seen
    assert set(seen) == set(MISUSES)


MISUSES = {
    "release of a free lock": lambda: threading.Lock().release(),
    "release of a free rlock": lambda: threading.RLock().release(),
    "negative time-out": lambda: threading.Lock().acquire(timeout=-5),
    "time-out without blocking": lambda: threading.Lock().acquire(False, 3),
    "time-out of an rlock without blocking": lambda: threading.RLock().acquire(False, 3),
    "huge time-out": lambda: threading.Lock().acquire(timeout=1e300),
    "wait without the lock": lambda: threading.Condition().wait(),
    "notify without the lock": lambda: threading.Condition().notify(),
    "too many releases": lambda: threading.BoundedSemaphore().release(),
    "negative semaphore": lambda: threading.Semaphore(-1),
    "negative get": lambda: Queue().get(timeout=-1),
    "get of a lock": lambda: threading.Lock().acquire(timeout="soon"),
}
