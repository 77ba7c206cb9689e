"""Two threads and one container, or one iterator, that is gone through: how it can end.

Each program fails in some schedule, and in none when ``lock`` is a real one.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, OrderedDict, UserDict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Lock = AbstractContextManager[Any]


def together(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Gone:
    """Goes through something, noting what comes; the sum must be that of before or of after."""

    def __init__(self) -> None:
        self.sum = 0

    def ended(self, *allowed: int) -> None:
        assert self.sum in allowed, self.sum


def _while_it_grows(lock: Lock, users: Any, through: Callable[[Any], Any], grow: Any) -> None:
    gone = Gone()

    def add_up() -> None:
        with lock:
            for value in through(users):
                gone.sum += value

    def join_in() -> None:
        with lock:
            grow(users)

    together(add_up, join_in)
    # What a loop begun before must not see: that would be half of the change.
    gone.ended(3, 10)


def _put(users: Any) -> None:
    users[7] = 7


def _append_and_drop(users: Any) -> None:
    users.append(7)


def _values(users: Any) -> Any:
    return users.values()


def _second(users: Any) -> Any:
    return (pair[1] for pair in users.items())


def dict_keys(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, lambda users: users, _put)


def dict_values(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, _values, _put)


def dict_items(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, _second, _put)


def ordered_dict(lock: Lock) -> None:
    _while_it_grows(lock, OrderedDict({1: 1, 2: 2}), lambda users: users, _put)


def user_dict(lock: Lock) -> None:
    _while_it_grows(lock, UserDict({1: 1, 2: 2}), lambda users: users, _put)


def user_dict_values(lock: Lock) -> None:
    _while_it_grows(lock, UserDict({1: 1, 2: 2}), _values, _put)


def counter(lock: Lock) -> None:
    _while_it_grows(lock, Counter({1: 1, 2: 1}), lambda users: users, _put)


def a_set(lock: Lock) -> None:
    _while_it_grows(lock, {1, 2}, lambda users: users, lambda users: users.add(7))


def a_deque(lock: Lock) -> None:
    _while_it_grows(lock, deque([1, 2]), lambda users: users, _append_and_drop)


def numbered(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, lambda users: (key for _, key in enumerate(users)), _put)


def zipped(lock: Lock) -> None:
    def through(users: Any) -> Any:
        return (key for key, _ in zip(users, itertools.count(), strict=False))

    _while_it_grows(lock, {1: 1, 2: 2}, through, _put)


def mapped(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, lambda users: map(int, users), _put)


def chained(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, lambda users: itertools.chain(users, ()), _put)


def sliced(lock: Lock) -> None:
    _while_it_grows(lock, {1: 1, 2: 2}, lambda users: itertools.islice(users, 9), _put)


def _emptied(lock: Lock, through: Callable[[list[int]], Any], change: Any) -> None:
    """A list tells nobody that it has changed: what comes is neither the old nor the new."""
    values, seen = [1, 2, 3], []

    def look() -> None:
        with lock:
            seen.extend([value for value in through(values)])  # noqa: C416 - a loop of ours

    def empty() -> None:
        with lock:
            change(values)

    together(look, empty)
    assert seen in ([1, 2, 3], [3, 2, 1], []), seen


def a_list(lock: Lock) -> None:
    _emptied(lock, lambda values: values, list.clear)


def a_list_backwards(lock: Lock) -> None:
    _emptied(lock, reversed, lambda values: values.clear())


def numbered_list(lock: Lock) -> None:
    _emptied(lock, lambda values: (v for _, v in enumerate(values)), lambda values: values.clear())


def _shared(lock: Lock, make: Callable[[], Iterator[int]], take: Callable[[Any], int]) -> None:
    """Both threads take from one iterator, and write down in the order in which they took."""
    source, taken = make(), []

    def worker() -> None:
        with lock:
            value = take(source)
            taken.append(value)

    together(worker, worker)
    assert taken == sorted(taken), taken


def _first_of(source: Iterator[int]) -> int:
    for value in source:
        return value
    return 99


def shared_next(lock: Lock) -> None:
    _shared(lock, lambda: iter([1, 2, 3]), next)


def shared_next_with_a_default(lock: Lock) -> None:
    _shared(lock, lambda: iter([1, 2, 3]), lambda source: next(source, 99))


def shared_loop(lock: Lock) -> None:
    _shared(lock, lambda: iter([1, 2, 3]), _first_of)


def shared_count(lock: Lock) -> None:
    _shared(lock, itertools.count, next)


def shared_enumerate(lock: Lock) -> None:
    _shared(lock, lambda: enumerate("abc"), lambda source: next(source)[0])  # type: ignore[arg-type,return-value]


def shared_sum(lock: Lock) -> None:
    """Whoever comes second gets nothing."""
    _shared(lock, lambda: iter([-1, -2]), sum)


def shared_sum_from(lock: Lock) -> None:
    _shared(lock, lambda: iter([-1, -2]), lambda source: sum(source, 0))


def shared_list(lock: Lock) -> None:
    _shared(lock, lambda: iter([-1, -2]), lambda source: -len(list(source)))


def shared_min(lock: Lock) -> None:
    _shared(lock, lambda: iter([-1, -2]), lambda source: min(source, default=0))


def shared_star(lock: Lock) -> None:
    _shared(lock, lambda: iter([-1, -2]), lambda source: -len([*source]))


def _generated() -> Iterator[int]:
    yield 1
    yield 2
    yield 3


def shared_generator(lock: Lock) -> None:
    _shared(lock, _generated, next)


def shared_generator_in_a_loop(lock: Lock) -> None:
    _shared(lock, _generated, _first_of)


class _Numbers:
    def __init__(self) -> None:
        self.next = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.next += 1
        return self.next


def shared_class(lock: Lock) -> None:
    _shared(lock, _Numbers, next)


def shared_generator_entered_twice(lock: Lock) -> None:
    """ "generator already executing", which its author never meets alone."""
    box = {"n": 0}

    def counting() -> Iterator[int]:
        while True:
            box["n"] += 1
            yield box["n"]

    source, taken = counting(), []

    def worker() -> None:
        with lock:
            taken.append(next(source))

    together(worker, worker)
    assert len(taken) == 2


def _to_own_places(
    lock: Lock, make: Callable[[], Iterator[int]], take: Callable[[Any], int]
) -> None:
    """The same, but nothing else is shared: what they take is all that tells who came first."""
    source, first, second = make(), [0], [0]

    def worker(place: list[int]) -> None:
        place[0] = take(source)

    def one() -> None:
        with lock:
            worker(first)

    def other() -> None:
        with lock:
            worker(second)

    together(one, other)
    if not isinstance(lock, nullcontext):
        first, second = sorted((first, second))
    assert first < second


def own_places_next(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([1, 2, 3]), next)


def own_places_next_with_a_default(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([1, 2, 3]), lambda source: next(source, 99))


def own_places_loop(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([1, 2, 3]), _first_of)


def own_places_unpacked(lock: Lock) -> None:
    def take(source: Iterator[int]) -> int:
        (*taken,) = source
        return -len(taken)

    _to_own_places(lock, lambda: iter([-1, -2]), take)


def own_places_method(lock: Lock) -> None:
    def take(source: Iterator[int]) -> int:
        taken: list[int] = []
        taken.extend(source)
        return -len(taken)

    _to_own_places(lock, lambda: iter([-1, -2]), take)


def own_places_sum(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([-1, -2]), lambda source: sum(source, 0))


def own_places_sorted(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([-1, -2]), lambda s: -len(sorted(s, key=abs)))


def own_places_enumerate(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([1, 2, 3]), lambda s: next(v for _, v in enumerate(s)))


def own_places_zip(lock: Lock) -> None:
    def take(source: Iterator[int]) -> int:
        [(_, taken)] = list(zip("a", source, strict=False))
        return taken

    _to_own_places(lock, lambda: iter([1, 2, 3]), take)


def own_places_generator(lock: Lock) -> None:
    _to_own_places(lock, _generated, next)


def own_places_in(lock: Lock) -> None:
    _to_own_places(lock, lambda: iter([1, 2, 3]), lambda source: -int(3 in source))


PROGRAMS: dict[str, Callable[[Lock], None]] = {
    program.__name__: program
    for program in (
        *(dict_keys, dict_values, dict_items, ordered_dict, user_dict, user_dict_values, counter),
        *(a_set, a_deque, numbered, zipped, mapped, chained, sliced),
        *(a_list, a_list_backwards, numbered_list),
        *(shared_next, shared_next_with_a_default, shared_loop, shared_count, shared_enumerate),
        *(shared_sum, shared_sum_from, shared_list, shared_min, shared_star),
        *(shared_generator, shared_generator_in_a_loop, shared_class),
        *(shared_generator_entered_twice, own_places_next, own_places_next_with_a_default),
        *(own_places_loop, own_places_unpacked, own_places_method, own_places_sum),
        *(own_places_sorted, own_places_enumerate, own_places_zip, own_places_generator),
        own_places_in,
    )
}
