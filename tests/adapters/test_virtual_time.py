"""Sleeps and clocks: time passes when nobody can move, and every reading is a point."""

from __future__ import annotations

import threading
import time
from functools import partial
from queue import Empty, Queue
from time import monotonic, perf_counter, sleep
from time import time as wall_clock

import pytest

from pytest_racecheck.adapters.threads import control_threads
from twins import Box, Twins, assert_found, assert_ruled_out, find, together

CLOCKS = ("monotonic", "time", "perf_counter", "monotonic_ns", "time_ns", "perf_counter_ns")
TWINS = Twins()


@TWINS.each()
def test_the_race_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


# ------------------------------------------------------- passing through it lets the other one in


def point_between(pass_through, broken):
    """A read-modify-write with nothing in it but the operation that is to be a point."""
    box = Box()

    def add():
        if broken:
            seen = box.value
            pass_through()
            box.value = seen + 1
        else:
            pass_through()
            box.value += 1

    together(add, add)
    assert box.value == 2


def now_of(name, broken):
    # The attribute is looked up when the program runs, as a user's code would.
    point_between(lambda: getattr(time, name)(), broken)


for clock in CLOCKS:
    TWINS.add(f"time.{clock}", "assertion")(partial(now_of, clock))


@TWINS.add("from time import monotonic", "assertion")
def monotonic_by_name(broken):
    point_between(lambda: monotonic(), broken)


@TWINS.add("from time import perf_counter", "assertion")
def perf_counter_by_name(broken):
    point_between(lambda: perf_counter(), broken)


@TWINS.add("from time import time", "assertion")
def time_by_name(broken):
    point_between(lambda: wall_clock(), broken)


@TWINS.add("time.sleep(0)", "assertion")
def sleep_no_time(broken):
    point_between(lambda: time.sleep(0), broken)


@TWINS.add("from time import sleep", "assertion")
def sleep_by_name(broken):
    point_between(lambda: sleep(1), broken)


# ----------------------------------------------------------------------------------- order in time


@TWINS.add("two sleeps of the same length", "assertion")
def same_sleep(broken):
    box, done = Box(), threading.Event()

    def work():
        time.sleep(20)
        box.value = 1
        done.set()

    def look():
        time.sleep(20)
        if not broken:
            done.wait()
        assert box.value == 1, "a pause orders nothing"

    together(work, look)


@TWINS.add("a sleep that is only a little longer", "assertion")
def longer_sleep(broken):
    # Whoever wakes may be late by a moment; by ten seconds he is not.
    box = Box()

    def work():
        time.sleep(20)
        time.sleep(0)
        box.value = 1

    def look():
        time.sleep(20.1 if broken else 30)
        assert box.value == 1

    together(work, look)


@TWINS.add("a deadline read from a clock", "assertion")
def deadline(broken):
    items = Queue()

    def work():
        time.sleep(5)
        items.put(1)

    def poll():
        end = monotonic() + (3 if broken else 60)
        while items.empty():
            assert monotonic() < end, "too late"
            time.sleep(1)

    together(work, poll)


# ------------------------------------------------------------------------------------- exact clocks


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_sleep_is_as_long_as_the_clock_says(clock):
    unit_s = 1e-9 if clock.endswith("_ns") else 1.0
    measured = []

    def body():
        def measure():
            begun = getattr(time, clock)()
            time.sleep(2)
            measured.append((getattr(time, clock)() - begun) * unit_s)

        together(measure, int)

    assert find(body).failure is None
    assert measured
    assert all(2 <= elapsed < 2.1 for elapsed in measured)


def test_hours_pass_at_once():
    elapsed = []

    def body():
        begun = monotonic()
        together(*[partial(time.sleep, 3600 * hours) for hours in (1, 5, 24)])
        elapsed.append(monotonic() - begun)

    begun = time.perf_counter()
    assert find(body).verdict == "ruled out"
    assert time.perf_counter() - begun < 60
    assert min(elapsed) >= 24 * 3600


def test_who_wakes_behind_a_longer_sleep_does_not_turn_the_clock_back():
    def body():
        seen, lock = [], threading.Lock()

        def sleep(seconds):
            time.sleep(seconds)
            with lock:
                seen.append(monotonic())

        together(partial(sleep, 0.1), partial(sleep, 0.3))
        assert seen == sorted(seen)

    assert find(body).verdict == "ruled out"


def test_clocks_never_go_back():
    def body():
        seen, lock = [monotonic()], threading.Lock()

        def look():
            for pause in (0, 1):
                with lock:
                    now = monotonic()
                    assert now >= seen[-1]
                    seen.append(now)
                time.sleep(pause)

        together(look, look)

    assert find(body, strategy="bounded", preemptions=2, executions=3000).verdict == "ruled out"


def test_the_clock_of_threads_that_are_not_ours_stays_real():
    def body():
        together(partial(time.sleep, 1000))

    stop, readings = threading.Event(), []

    def watch():
        while not stop.is_set():
            readings.append(time.monotonic())
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    find(body, strategy="random", executions=20)
    stop.set()
    watcher.join()
    assert readings[-1] - readings[0] < 100


def test_a_loop_until_a_deadline_ends_although_nothing_happens():
    def body():
        begun = monotonic()

        def wait_in_vain():
            while monotonic() < begun + 30:
                pass

        together(wait_in_vain)
        assert monotonic() - begun < 31

    assert find(body).verdict == "ruled out"


def test_a_loop_until_a_deadline_lets_the_one_who_can_move_come_first():
    def body():
        done = []

        def poll():
            end = monotonic() + 10
            while monotonic() < end:
                if done:
                    return
            raise AssertionError("ten seconds, and the other thread made no step")

        together(poll, partial(done.append, 1))

    for strategy in ("exhaustive", "random", "pct"):
        assert find(body, strategy=strategy, executions=50).failure is None, strategy


def test_negative_sleeps_are_refused():
    errors = []

    def body():
        together(int)
        try:
            time.sleep(-1)
        except ValueError as error:
            errors.append(str(error))

    find(body)
    controlled = errors[0]
    errors.clear()
    body()
    assert errors == [controlled]


def test_a_time_out_fires_early_only_by_a_moment():
    # 300 s are a guard against hanging, not a race: they fire when nobody can move, and only then.
    def body(timeout):
        items = Queue()

        def work():
            for _ in range(3):
                time.sleep(0)
            items.put(1)

        def take():
            try:
                items.get(timeout=timeout)
            except Empty:
                raise AssertionError("timed out") from None

        together(work, take)

    assert find(partial(body, 300)).verdict == "ruled out"
    assert find(partial(body, 0.2)).verdict == "reproduced"


# ----------------------------------------------------------------------- for those outside control


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


def test_a_thread_that_sleeps_is_named_after_sleep():
    names = []

    def body():
        thread = threading.Thread(target=time.sleep, args=(1,))
        names.append(thread.name)
        together(thread.run)

    find(body, executions=1)
    assert set(names) == {"Thread-1 (sleep)"}
