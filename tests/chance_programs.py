"""Bodies in which something besides the schedule decides, and twins that ask it harmlessly."""

from __future__ import annotations

import contextlib
import datetime
import functools
import gc
import os
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


def shape(decide: object) -> None:
    """Two threads, which have one more thing to do when ``decide``."""
    lock = threading.Lock()

    def work() -> None:
        with lock:
            pass
        if decide:
            with lock:
                pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ------------------------------------------------------------------------------ orders and hashes

WORDS = [f"word {n}" for n in range(12)]


def set_order() -> None:
    for word in {str(word) for word in WORDS}:
        for bit in (1, 2, 4, 8):
            shape(WORDS.index(word) & bit)
        break


def set_order_harmless() -> None:
    total = 0
    for word in {str(word) for word in WORDS}:
        total += len(word)
    shape(total % 2)


class Thing:
    """Compared by its address."""


def identity() -> None:
    one, other = Thing(), Thing()
    shape(id(one) < id(other))


def identity_harmless() -> None:
    one, other = Thing(), Thing()
    seen = {id(one), id(other)}
    shape(len(seen) == 2)


def hash_seed() -> None:
    shape(hash("a word") % 2)


def hash_seed_harmless() -> None:
    shape(hash("a word") == hash("a " + "word"))


def file_order() -> None:
    shape(os.listdir(FOLDER)[0] == "a")


def file_order_harmless() -> None:
    shape(sorted(os.listdir(FOLDER))[0] == "a")


def file_order_of_pathlib() -> None:
    shape(next(pathlib.Path(FOLDER).iterdir()).name == "a")


def file_order_of_pathlib_harmless() -> None:
    shape(min(pathlib.Path(FOLDER).iterdir()).name == "a")


# ------------------------------------------------------------------------------------ other draws


def random_draw() -> None:
    shape(random.random() < 0.5)


def random_draw_harmless() -> None:
    random.seed(3)
    shape(random.random() < 0.5)


def uuid_draw() -> None:
    shape(uuid.uuid4().int % 2)


def uuid_draw_harmless() -> None:
    names = {uuid.uuid4().hex: 1}
    shape(len(names))


def urandom() -> None:
    shape(os.urandom(1)[0] % 2)


def urandom_harmless() -> None:
    shape(len(os.urandom(3)) == 3)


def secret() -> None:
    shape(secrets.randbelow(2))


def secret_harmless() -> None:
    shape(len(secrets.token_hex(4)) == 8)


def wall_clock() -> None:
    shape(datetime.datetime.now().microsecond // 7 % 2)


def wall_clock_harmless() -> None:
    shape(datetime.datetime.now().year > 2000)


def c_clock() -> None:
    shape(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 % 2)


def c_clock_harmless() -> None:
    shape(time.clock_gettime_ns(time.CLOCK_MONOTONIC) > 0)


# ---------------------------------------------------------------------------- leftovers of the last

COUNT = {"executions": 0}
SEEN: dict[str, int] = {}


def module_state() -> None:
    COUNT["executions"] += 1
    shape(COUNT["executions"] % 2)


def module_state_harmless() -> None:
    COUNT["executions"] = 0
    COUNT["executions"] += 1
    shape(COUNT["executions"] % 2)


def dict_order() -> None:
    """Whoever came last the last time comes first now: the first one in is taken out."""
    SEEN.setdefault("a", 1)
    SEEN.setdefault("b", 1)
    first = next(iter(SEEN))
    SEEN[first] = SEEN.pop(first)
    shape(first == "a")


def dict_order_harmless() -> None:
    SEEN.clear()
    dict_order()


@functools.lru_cache
def _slowly_made() -> int:
    shape(True)
    return 1


def cached_function() -> None:
    shape(_slowly_made())


def cached_function_harmless() -> None:
    _slowly_made.cache_clear()
    shape(_slowly_made())


class Settings:
    """Made once for the whole module."""

    @functools.cached_property
    def value(self) -> int:
        shape(True)
        return 1


SETTINGS = Settings()


def cached_attribute() -> None:
    shape(SETTINGS.value)


def cached_attribute_harmless() -> None:
    shape(Settings().value)


def environment() -> None:
    times = int(os.environ.get("RACECHECK_TIMES", "0"))
    os.environ["RACECHECK_TIMES"] = str(times + 1)
    shape(times % 2)


def environment_harmless() -> None:
    os.environ["RACECHECK_TIMES"] = "1"
    shape(int(os.environ["RACECHECK_TIMES"]) % 2)


# ------------------------------------------------------------------- the interpreter and the system


@dataclass
class Told:
    """What something outside the schedule has counted."""

    times: int = 0
    rest: list[object] = field(default_factory=list)


TOLD = Told()


def _on_collection(phase: str, _info: object) -> None:
    TOLD.times += phase == "stop"


def collector_callback() -> None:
    before = TOLD.times
    gc.callbacks.append(_on_collection)
    try:
        shape(False)
        shape(TOLD.times != before)
    finally:
        gc.callbacks.remove(_on_collection)


def _of_no_matter(_phase: str, _info: object) -> None:
    pass


def collector_callback_harmless() -> None:
    gc.callbacks.append(_of_no_matter)
    try:
        shape(True)
        shape(True)
    finally:
        gc.callbacks.remove(_of_no_matter)


def weak_reference() -> None:
    thing = Thing()
    thing.itself = thing
    gone = weakref.ref(thing)
    del thing
    shape(False)
    shape(gone() is None)


def weak_reference_harmless() -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    del thing
    shape(False)
    shape(gone() is None)


def native_thread() -> None:
    shape(TOLD.times // 3 % 2)


def native_thread_harmless() -> None:
    shape(TOLD.times >= 0)


def alarm() -> None:
    shape(TOLD.times // 3 % 2)


def alarm_harmless() -> None:
    shape(TOLD.times >= 0)


def process_id() -> None:
    shape(os.getpid() % 2)


def process_id_harmless() -> None:
    os.kill(os.getpid(), 0)
    shape(os.getpid() == os.getpid())


def native_thread_id() -> None:
    shape(threading.get_native_id() % 2)


def native_thread_id_harmless() -> None:
    shape(threading.get_native_id() == threading.get_native_id())


def subprocess_output() -> None:
    shape(_pid_of_a_child() % 2)


def subprocess_output_harmless() -> None:
    shape(_pid_of_a_child() > 0)


def _pid_of_a_child() -> int:
    """By way of its own output: a number that grows by some steps each time."""
    done = subprocess.run(["/bin/sh", "-c", "cat /proc/uptime /proc/loadavg; echo $$"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    return int(done.stdout.split()[-1]) + int(done.stdout.split()[0].replace(".", ""))


def network() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        shape(bound.getsockname()[1] // 2 % 2)


def network_harmless() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        shape(bound.getsockname()[1] > 0)


# ------------------------------------------------------------------------------ what goes on beside

FOLDER = os.path.join(tempfile.gettempdir(), f"racecheck-chance-{os.getpid()}")


@contextlib.contextmanager
def two_files() -> Iterator[None]:
    """A folder with two files."""
    os.mkdir(FOLDER)
    for name in "ab":
        pathlib.Path(FOLDER, name).touch()
    try:
        yield
    finally:
        for name in "ab":
            os.unlink(os.path.join(FOLDER, name))
        os.rmdir(FOLDER)


@contextlib.contextmanager
def counting_thread() -> Iterator[None]:
    """A thread that was there before, and that nothing controls."""
    ended = threading.Event()

    def count() -> None:
        while not ended.wait(0.0003):
            TOLD.times += 1

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def counting_alarm() -> Iterator[None]:
    """A timer of the operating system that calls a handler."""

    def count(_number: int, _frame: object) -> None:
        TOLD.times += 1

    before = signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, 0.0004, 0.0004)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def unset_variable() -> Iterator[None]:
    """The environment is as it was afterwards."""
    try:
        yield
    finally:
        os.environ.pop("RACECHECK_TIMES", None)


@contextlib.contextmanager
def empty_caches() -> Iterator[None]:
    """As in a new process."""
    _slowly_made.cache_clear()
    vars(SETTINGS).clear()
    yield


@dataclass(frozen=True)
class Kind:
    """One source of chance, how a report calls it, and what goes on beside the body."""

    guilty: Callable[[], None]
    harmless: Callable[[], None]
    named: str
    beside: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext


KINDS = {
    "set order": Kind(set_order, set_order_harmless, "the order of a set"),
    "id()": Kind(identity, identity_harmless, "id()"),
    "hash seed": Kind(hash_seed, hash_seed_harmless, "hash()"),
    "file system order": Kind(file_order, file_order_harmless, "order of files", two_files),
    "file system order, pathlib": Kind(
        file_order_of_pathlib, file_order_of_pathlib_harmless, "order of files", two_files
    ),
    "random": Kind(random_draw, random_draw_harmless, "random draws"),
    "uuid": Kind(uuid_draw, uuid_draw_harmless, "uuid"),
    "os.urandom": Kind(urandom, urandom_harmless, "os.urandom"),
    "secrets": Kind(secret, secret_harmless, "os.urandom or secrets"),
    "wall clock": Kind(wall_clock, wall_clock_harmless, "a clock"),
    "C-level clock": Kind(c_clock, c_clock_harmless, "a clock"),
    "module state": Kind(module_state, module_state_harmless, "chance_programs.COUNT"),
    "dict order from before": Kind(dict_order, dict_order_harmless, "chance_programs.SEEN"),
    "lru_cache": Kind(
        cached_function, cached_function_harmless, "chance_programs._slowly_made", empty_caches
    ),
    "cached property": Kind(
        cached_attribute, cached_attribute_harmless, "chance_programs.SETTINGS.value", empty_caches
    ),
    "environment": Kind(
        environment, environment_harmless, "environment variable RACECHECK_TIMES", unset_variable
    ),
    "collector callback": Kind(
        collector_callback, collector_callback_harmless, "the garbage collector"
    ),
    "weak reference": Kind(weak_reference, weak_reference_harmless, "the garbage collector"),
    "native thread": Kind(
        native_thread, native_thread_harmless, "a thread that is not controlled", counting_thread
    ),
    "signal": Kind(alarm, alarm_harmless, "a signal", counting_alarm),
    "process id": Kind(process_id, process_id_harmless, "the process id"),
    "thread id": Kind(native_thread_id, native_thread_id_harmless, "a thread id"),
    "subprocess output": Kind(subprocess_output, subprocess_output_harmless, "another process"),
    "network": Kind(network, network_harmless, "the network"),
}
