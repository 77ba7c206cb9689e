"""Races as they are written in Python: on dicts, lists, attributes, caches and connections."""

from __future__ import annotations

import threading
from contextlib import nullcontext

from tests.bench.sctbench.together import run


class _Counter:
    def __init__(self) -> None:
        self.value = 0


def lost_update(*, fixed: bool) -> None:
    """Two threads add one to an attribute, three times each."""
    counter = _Counter()
    lock = threading.Lock() if fixed else nullcontext()

    def add() -> None:
        for _ in range(3):
            with lock:
                counter.value += 1

    run(add, add)
    assert counter.value == 6, "an update was lost"


def check_then_act(*, fixed: bool) -> None:
    """A key is looked for, and gone when it is read."""
    lock = threading.Lock() if fixed else nullcontext()
    cache = {"key": 1}

    def read() -> int | None:
        with lock:
            if "key" in cache:
                return cache["key"]
        return None

    def evict() -> None:
        with lock:
            cache.pop("key", None)

    run(read, evict)


def made_twice(*, fixed: bool) -> None:
    """Two threads find the registry empty, and both make the entry."""
    lock = threading.Lock() if fixed else nullcontext()
    registry: dict[str, object] = {}
    seen: list[object] = []

    def get() -> None:
        with lock:
            if "one" not in registry:
                registry["one"] = object()
            found = registry["one"]
        seen.append(found)

    run(get, get)
    assert seen[0] is seen[1], "there are two of the only one"


def list_underflow(*, fixed: bool) -> None:
    """Two threads see that there is work, and one of them finds none."""
    lock = threading.Lock() if fixed else nullcontext()
    work = ["only one"]

    def take() -> None:
        with lock:
            if len(work) > 0:
                work.pop()

    run(take, take)


def changed_while_iterating(*, fixed: bool) -> None:
    """One thread goes through a dict to which another one adds."""
    lock = threading.Lock() if fixed else nullcontext()
    users = {"a": 1, "b": 2}
    total = 0

    def add_up() -> None:
        nonlocal total
        with lock:
            for name in users:
                total += users[name]

    def join_in() -> None:
        with lock:
            users["c"] = 3

    run(add_up, join_in)


class _Connection:
    def __init__(self) -> None:
        self.socket: list[int] | None = None


def lazy_init(*, fixed: bool) -> None:
    """Double-checked, and yet published before it is ready."""
    lock = threading.Lock()
    shared: _Connection | None = None

    def get() -> _Connection:
        nonlocal shared
        if shared is None:
            with lock:
                if shared is None:
                    made = _Connection()
                    if not fixed:
                        shared = made
                    made.socket = []
                    if fixed:
                        shared = made
        assert shared is not None
        return shared

    def use() -> None:
        connection = get()
        assert connection.socket is not None, "not ready"

    run(use, use)


def closed_between(*, fixed: bool) -> None:
    """A connection is closed between the look whether it is open and the use."""
    lock = threading.Lock() if fixed else nullcontext()
    connection = _Connection()
    connection.socket = []

    def send() -> None:
        with lock:
            if connection.socket is not None:
                connection.socket.append(1)

    def close() -> None:
        with lock:
            connection.socket = None

    run(send, close)
