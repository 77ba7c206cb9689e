"""Tries what `docs/limits.md` says of control: each race is found, or is not, as it is written."""

from __future__ import annotations

import array
import asyncio
import collections
import dataclasses
import datetime
import functools
import heapq
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from pytest_racecheck import Finding, Verdict, explore

Body = Callable[[], object]


def together(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Box:
    """An object with one number."""

    def __init__(self) -> None:
        self.n = 0


class Shared:
    """A class with one number."""

    n = 0


class Slotted:
    """The same with a slot."""

    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0


@dataclasses.dataclass
class Made:
    """The same with an ``__init__`` that is made from text."""

    n: int = 0


counter = 0
text = "def add(box):\n    box.n += 1\n"
made_from_text: dict[str, Callable[[object], None]] = {}
exec(text, made_from_text)


# ----------------------------------------------------------------------------- found: it has points


def attribute() -> None:
    box = Box()

    def add() -> None:
        box.n += 1

    together(add, add)
    assert box.n == 2


def slot() -> None:
    box = Slotted()

    def add() -> None:
        box.n += 1

    together(add, add)
    assert box.n == 2


def class_attribute() -> None:
    Shared.n = 0

    def add() -> None:
        Shared.n += 1

    together(add, add)
    assert Shared.n == 2


def attribute_of_a_module() -> None:
    this = sys.modules[__name__]
    this.counter = 0

    def add() -> None:
        this.counter += 1

    together(add, add)
    assert this.counter == 2


def item() -> None:
    numbers = collections.defaultdict(int)

    def add() -> None:
        numbers["n"] += 1

    together(add, add)
    assert numbers["n"] == 2


def item_of_an_array() -> None:
    numbers = array.array("i", [0])

    def add() -> None:
        numbers[0] += 1

    together(add, add)
    assert numbers[0] == 2


def membership() -> None:
    names: dict[str, int] = {}

    def look() -> None:
        first, second = "n" in names, "n" in names
        assert first == second

    together(look, lambda: names.update(n=1))


def loop() -> None:
    numbers = [1, 2, 3]

    def look() -> None:
        seen = [number for number in numbers]  # noqa: C416 - a loop, and not list(), is the point
        assert len(seen) in (0, 3)

    together(look, numbers.clear)


def global_variable() -> None:
    global counter
    counter = 0

    def add() -> None:
        global counter
        counter += 1

    together(add, add)
    assert counter == 2


def closure_variable() -> None:
    n = 0

    def add() -> None:
        nonlocal n
        n += 1

    together(add, add)
    assert n == 2


def method_of_a_container() -> None:
    numbers = [1]

    def take() -> None:
        if numbers:
            numbers.pop()

    together(take, take)


# ------------------------------------------------------------- not found: it runs in one piece


def length() -> None:
    numbers: list[int] = []

    def look() -> None:
        first, second = len(numbers), len(numbers)
        assert first == second

    together(look, lambda: numbers.append(1))


def truth() -> None:
    numbers: list[int] = []

    def look() -> None:
        first, second = bool(numbers), not numbers
        assert first != second

    together(look, lambda: numbers.append(1))


def function_in_c() -> None:
    heap = [0]

    def add() -> None:
        number = heapq.heappop(heap) if heap else 0
        heapq.heappush(heap, number + 1)

    together(add, add)
    assert heap == [2]


def setattr_and_getattr() -> None:
    box = Box()

    def add() -> None:
        setattr(box, "n", getattr(box, "n") + 1)  # noqa: B009, B010 - what is tried here

    together(add, add)
    assert box.n == 2


def method_as_a_value() -> None:
    numbers: list[int] = []
    push = numbers.append

    def add_two() -> None:
        push(1)
        push(2)

    together(add_two, add_two)
    assert numbers == [1, 2, 1, 2]


def code_made_from_text() -> None:
    box = Box()
    together(lambda: made_from_text["add"](box), lambda: made_from_text["add"](box))
    assert box.n == 2


def dataclass_init() -> None:
    made = Made()

    def look() -> None:
        pair = made.n
        assert pair in (0, 5)

    together(lambda: made.__init__(5), look)  # type: ignore[misc]


def cache_in_c() -> None:
    @functools.lru_cache
    def make(_: int) -> object:
        return object()

    got: list[object] = []
    together(lambda: got.append(make(1)), lambda: got.append(make(1)))
    assert got[0] is got[1]


def generator() -> None:
    def numbers():
        n = 0
        while True:
            n += 1
            yield n

    shared = numbers()
    got: list[int] = []
    together(lambda: got.append(next(shared)), lambda: got.append(next(shared)))
    assert sorted(got) == [1, 2]


def order_of_asyncio_callbacks() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def say(number: int) -> None:
            seen.append(number)

        await asyncio.gather(say(1), say(2))
        return seen

    seen: list[list[int]] = []
    together(lambda: seen.append(asyncio.run(main())), lambda: None)
    assert seen == [[1, 2]]


FOUND = (
    attribute,
    slot,
    class_attribute,
    attribute_of_a_module,
    item,
    item_of_an_array,
    membership,
    loop,
    global_variable,
    closure_variable,
    method_of_a_container,
    length,
    setattr_and_getattr,
)
IN_ONE_PIECE = (
    truth,
    function_in_c,
    method_as_a_value,
    code_made_from_text,
    dataclass_init,
    cache_in_c,
    generator,
    order_of_asyncio_callbacks,
)


@pytest.mark.parametrize("body", FOUND, ids=lambda body: body.__name__)
def test_a_race_at_a_point_is_found(body: Body) -> None:
    assert explore(body).verdict is Verdict.REPRODUCED


@pytest.mark.parametrize("body", IN_ONE_PIECE, ids=lambda body: body.__name__)
def test_a_race_between_two_points_is_not_found(body: Body) -> None:
    assert explore(body).failure is None


def test_no_data_is_interleaved_at_sync_level() -> None:
    finding = explore(attribute, points="sync", strategy="exhaustive")
    assert finding.verdict is Verdict.RULED_OUT
    assert "data accesses were not interleaved" in finding.reason


def test_a_loop_without_a_point_loses_control() -> None:
    def body() -> None:
        done: list[int] = []

        def wait() -> None:
            while not done:
                pass

        together(wait, lambda: done.append(1))

    finding = explore(body, patience_s=0.2)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason.startswith("control was lost")


# --------------------------------------------------------------------------- what is not controlled

lock = threading.Lock()
acquire, release = lock.acquire, lock.release


def test_a_bound_method_of_a_lock_from_before_the_search_goes_past_the_gate() -> None:
    def hold() -> None:
        acquire()
        time.sleep(0.01)
        release()

    threads = threading.active_count()
    finding = explore(lambda: together(hold, hold), patience_s=0.2)
    assert finding.reason.startswith("control was lost")
    release()  # lets go the thread that the tool had to leave behind
    deadline_s = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline_s:
        time.sleep(0.01)


def test_a_bound_method_of_a_lock_from_within_the_search_is_controlled() -> None:
    def body() -> None:
        mine = threading.Lock()
        take, give = mine.acquire, mine.release
        box = Box()

        def add() -> None:
            take()
            box.n += 1
            give()

        together(add, add)
        assert box.n == 2

    finding = explore(body, strategy="bounded", preemptions=1)
    assert finding.verdict is Verdict.RULED_OUT


class Napper:
    """Keeps ``sleep`` in a class, an object and defaults."""

    nap = time.sleep

    def __init__(self, nap: Callable[[float], None] = time.sleep) -> None:
        self.own_nap = nap

    def doze(self, *, nap: Callable[[float], None] = time.sleep) -> None:
        nap(3600)


napper = Napper()
in_a_dictionary = {"nap": time.sleep}
in_a_list, in_a_tuple, in_a_partial = (
    [time.sleep],
    (time.sleep,),
    functools.partial(time.sleep, 0.4),
)


@pytest.mark.parametrize(
    "nap",
    [
        lambda: Napper.nap(3600),
        lambda: napper.own_nap(3600),
        lambda: Napper().own_nap(3600),
        lambda: napper.doze(),
        lambda: in_a_dictionary["nap"](3600),
    ],
    ids=["class", "object", "default", "keyword default", "dictionary"],
)
def test_an_hour_of_sleep_takes_no_time_wherever_sleep_is_kept(nap: Body) -> None:
    finding = explore(lambda: together(nap, nap), executions=3, strategy="random")
    assert finding.executions == 3, finding.reason


@pytest.mark.parametrize(
    "nap",
    [lambda: in_a_list[0](0.4), lambda: in_a_tuple[0](0.4), lambda: in_a_partial()],
    ids=["list", "tuple", "partial"],
)
def test_a_sleep_inside_these_is_real(nap: Body) -> None:
    finding = explore(lambda: together(nap, nap), executions=1, patience_s=0.2)
    assert finding.reason.startswith("control was lost")


def test_the_clocks_of_time_are_virtual_and_these_are_not() -> None:
    def body() -> None:
        before = (time.time(), datetime.datetime.now(), time.localtime())
        time.sleep(36_000)
        after = (time.time(), datetime.datetime.now(), time.localtime())
        assert after[0] - before[0] >= 36_000
        assert after[1] - before[1] < datetime.timedelta(hours=1)
        assert time.mktime(after[2]) - time.mktime(before[2]) < 3600
        together(lambda: None)

    assert explore(body, executions=2).failure is None


def test_a_child_process_is_not_mentioned() -> None:
    def body() -> None:
        together(lambda: subprocess.run([sys.executable, "-S", "-c", ""], check=True))

    finding = explore(body, executions=2, strategy="random")
    assert (finding.grade, finding.warnings) == ("statistical", ())


def test_an_event_loop_waits_in_virtual_time() -> None:
    def body() -> None:
        together(lambda: asyncio.run(asyncio.sleep(3600)), lambda: asyncio.run(asyncio.sleep(60)))

    finding = explore(body, executions=5)
    assert finding.failure is None
    assert finding.executions == 5, finding.reason


# -------------------------------------------------------------------------------------------- time


def fast_before_slow(nap_s: float) -> Finding:
    def body() -> None:
        order: list[str] = []

        def slow() -> None:
            time.sleep(nap_s)
            order.append("slow")

        together(slow, lambda: order.append("fast"))
        assert order == ["fast", "slow"]

    return explore(body, strategy="exhaustive", points="sync")


def test_a_time_out_of_half_a_second_may_fire_early() -> None:
    assert fast_before_slow(0.5).verdict is Verdict.REPRODUCED


def test_a_longer_one_fires_only_when_nobody_else_can_move() -> None:
    assert fast_before_slow(0.51).verdict is Verdict.RULED_OUT


@pytest.mark.parametrize(("times", "verdict"), [(5, Verdict.REPRODUCED), (6, Verdict.RULED_OUT)])
def test_five_time_outs_fire_early_in_one_execution(times: int, verdict: Verdict) -> None:
    def body() -> None:
        early: list[int] = []
        stop = threading.Event()

        def wait() -> None:
            while len(early) < times and not stop.wait(0.1):
                early.append(1)

        together(wait, stop.set)
        assert len(early) < times

    assert explore(body, strategy="exhaustive", points="sync").verdict is verdict
