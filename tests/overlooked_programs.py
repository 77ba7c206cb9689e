"""Operations on shared data that were no scheduling points once, or touched nothing: each loses.

Each program fails in some schedule, and in none when ``lock`` is a real one.
"""

from __future__ import annotations

import ctypes
import functools
import operator
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

Lock = AbstractContextManager[Any]


def together(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _twice(lock: Lock, function: Callable[[], object]) -> None:
    def locked() -> None:
        with lock:
            function()

    together(locked, locked)


def truth_of_a_list(lock: Lock) -> None:
    made: list[int] = []

    def make() -> None:
        if bool(made) is False:
            made.append(1)

    _twice(lock, make)
    assert len(made) == 1


def argument_reads_what_the_method_changes(lock: Lock) -> None:
    stats = {"hits": 0}
    _twice(lock, lambda: stats.update({"hits": stats.get("hits", 0) + 1}))
    assert stats["hits"] == 2


def length_appended(lock: Lock) -> None:
    log: list[int] = []
    _twice(lock, lambda: log.append(len(log)))
    assert log == [0, 1]


def greatest_appended(lock: Lock) -> None:
    ids = [0]
    _twice(lock, lambda: ids.append(max(ids) + 1))
    assert ids == [0, 1, 2]


def length_added_to_a_set(lock: Lock) -> None:
    seen: set[int] = set()
    _twice(lock, lambda: seen.add(len(seen)))
    assert len(seen) == 2


def argument_with_a_choice(lock: Lock) -> None:
    log: list[int] = []
    given: int | None = None
    _twice(lock, lambda: log.append(given if given is not None else len(log)))
    assert log == [0, 1]


def argument_with_a_loop(lock: Lock) -> None:
    known: dict[int, int] = {}
    _twice(lock, lambda: known.update({key: len(known) for key in (len(known),)}))
    assert len(known) == 2


def extended_in_place(lock: Lock) -> None:
    def add_once(seen: list[int]) -> None:
        if 1 not in seen:
            seen += [1]

    kept: list[int] = []
    _twice(lock, lambda: add_once(kept))
    assert kept == [1]


def joined_in_place(lock: Lock) -> None:
    def count(found: dict[str, int]) -> None:
        number = found["n"]
        found |= {"n": number + 1}

    counts = {"n": 0}
    _twice(lock, lambda: count(counts))
    assert counts["n"] == 2


def cached_property(lock: Lock) -> None:
    class Service:
        @functools.cached_property
        def pool(self) -> object:
            return object()

    service, got = Service(), []
    service.__dict__.pop("pool", None)
    _twice(lock, lambda: got.append(service.pool))
    assert got[0] is got[1]


def value_of_a_c_object(lock: Lock) -> None:
    number = ctypes.c_int(0)

    def add() -> None:
        number.value += 1

    _twice(lock, add)
    assert number.value == 2


def method_by_its_own_name(lock: Lock) -> None:
    counts = {"n": 0}
    _twice(lock, lambda: counts.__setitem__("n", counts["n"] + 1))
    assert counts["n"] == 2


def attribute_by_name(lock: Lock) -> None:
    class Counter:
        n = 0

    counter, name = Counter(), "n"
    _twice(lock, lambda: setattr(counter, name, getattr(counter, name) + 1))
    assert counter.n == 2


def item_by_function(lock: Lock) -> None:
    counts = {"n": 0}
    _twice(lock, lambda: operator.setitem(counts, "n", operator.getitem(counts, "n") + 1))
    assert counts["n"] == 2


def attribute_in_its_dictionary(lock: Lock) -> None:
    class Counter:
        def __init__(self) -> None:
            self.n = 0

    counter = Counter()

    def one() -> None:
        with lock:
            vars(counter)["n"] = counter.n + 1

    def other() -> None:
        with lock:
            counter.n = counter.__dict__["n"] + 1

    together(one, other)
    assert counter.n == 2


def looking_puts_it_there(lock: Lock) -> None:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    seen: list[int] = []

    def look() -> None:
        with lock:
            seen.append(len(groups))
            seen.append(len(groups))

    def ask() -> None:
        with lock:
            str(groups["a"])

    together(look, ask)
    assert seen[0] == seen[1]


def matched(lock: Lock) -> None:
    class Point:
        def __init__(self) -> None:
            self.x = 0

    point, seen = Point(), []

    def look() -> None:
        with lock:
            for _ in range(2):
                match point:
                    case Point(x=0):
                        seen.append("zero")
                    case _:
                        seen.append("other")

    def move() -> None:
        with lock:
            point.x += 1

    together(look, move)
    assert seen in (["zero", "zero"], ["other", "other"])


PROGRAMS: dict[str, Callable[[Lock], None]] = {
    program.__name__: program
    for program in (
        *(truth_of_a_list, argument_reads_what_the_method_changes, length_appended),
        *(greatest_appended, length_added_to_a_set, argument_with_a_choice, argument_with_a_loop),
        *(extended_in_place, joined_in_place, cached_property, value_of_a_c_object),
        *(method_by_its_own_name, attribute_by_name, item_by_function),
        *(attribute_in_its_dictionary, looking_puts_it_there, matched),
    )
}
#: Since 3.12; before, a lock of its own keeps the second one out.
SINCE_3_12 = frozenset({"cached_property"})
