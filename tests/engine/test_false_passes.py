"""Programs that other tools call correct although they are broken, or broken although correct."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from pytest_racecheck import explore
from twins import together

#: One seed in the quick suite, ten in the slow one.
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10)))


# ------------------------------------------------------------------------------ broken, and found


def children_of_a_thread():
    """The race is between threads that a thread of the test has started."""
    count = [0]

    def add():
        count[0] += 1

    together(partial(together, add, add))
    assert count[0] == 2


def pool():
    """The race is between the workers of an executor."""

    class Counter:
        value = 0

        def add(self):
            self.value += 1

    counter = Counter()
    with ThreadPoolExecutor(2) as executor:
        for job in [executor.submit(counter.add) for _ in range(2)]:
            job.result()
    assert counter.value == 2


def look_before_get():
    """Both see the one item, and both take it."""
    items = queue.Queue()
    items.put("only one")
    left = []

    def take():
        if not items.empty():
            left.append(items.get_nowait())

    together(take, take)


def notified_too_early():
    """The predicate is tested outside the lock, so the notification may come before the wait."""
    changed = threading.Condition()
    state = {"ready": False}

    def consumer():
        if not state["ready"]:
            with changed:
                changed.wait()

    def producer():
        state["ready"] = True
        with changed:
            changed.notify()

    together(consumer, producer)


def one_condition_for_two_purposes():
    """Producers and consumers share a condition: a notify may wake one of its own kind."""
    changed, items = threading.Condition(), deque()

    def put():
        with changed:
            while len(items) == 1:
                changed.wait()
            items.append(1)
            changed.notify()

    def get():
        with changed:
            while not items:
                changed.wait()
            items.popleft()
            changed.notify()

    together(get, get, put, put)


def barrier_and_then_a_race():
    """Everybody arrives, and then reads, adds and writes at once."""
    both, total = threading.Barrier(2), {"sum": 0}

    def add():
        both.wait()
        total["sum"] += 1

    together(add, add)
    assert total["sum"] == 2


def published_before_it_is_built():
    """The others find the instance before it has its value."""

    class Settings:
        instance = None
        lock = threading.Lock()

        @classmethod
        def get(cls):
            if cls.instance is None:
                with cls.lock:
                    if cls.instance is None:
                        cls.instance = cls()
                        cls.instance.path = "/etc"
            return cls.instance

    def use():
        assert Settings.get().path == "/etc"

    together(use, use)


def reorder(setters):
    """One thread may see the first write of the others without the second."""

    class Pair:
        first, second = 0, 0

    pair = Pair()

    def change():
        pair.first = 1
        pair.second = -1

    def check():
        assert (pair.first, pair.second) in ((0, 0), (1, -1))

    together(*[change] * setters, check)


def two_stages(writers):
    """Each value has its lock, and nobody holds both."""
    first_lock, second_lock, data = threading.Lock(), threading.Lock(), {"first": 0, "second": 0}

    def write():
        with first_lock:
            data["first"] = 1
        with second_lock:
            data["second"] = data["first"] + 1

    def read():
        with first_lock:
            first = data["first"]
        if first:
            with second_lock:
                assert data["second"] == first + 1

    together(*[write] * writers, read)


def ladder(rungs, attempts):
    """Only who takes turns often enough gets to the top."""
    at = {"rung": 0}

    def climb(side):
        for _ in range(attempts):
            if at["rung"] % 2 == side:
                at["rung"] += 1

    together(partial(climb, 0), partial(climb, 1))
    assert at["rung"] < rungs


BROKEN = {
    "children of a thread": (children_of_a_thread, "assertion"),
    "pool": (pool, "assertion"),
    "look before get": (look_before_get, "exception"),
    "notified too early": (notified_too_early, "lost wake-up"),
    "one condition for two purposes": (one_condition_for_two_purposes, "deadlock"),
    "barrier and then a race": (barrier_and_then_a_race, "assertion"),
    "published before it is built": (published_before_it_is_built, "exception"),
    "reorder 3": (partial(reorder, 2), "assertion"),
    "reorder 4": (partial(reorder, 3), "assertion"),
    "two stages": (partial(two_stages, 1), "assertion"),
    "two stages, 3 threads": (partial(two_stages, 2), "assertion"),
    "ladder of 4 rungs": (partial(ladder, 4, 5), "assertion"),
    "ladder of 6 rungs": (partial(ladder, 6, 8), "assertion"),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_program_is_reproduced_with_the_default_settings(name, seed):
    body, kind = BROKEN[name]
    finding = explore(body, seed=seed, seconds=60)
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.kind == kind, finding.report()
    assert finding.replays == (3, 3)


@pytest.mark.parametrize("strategy", ["exhaustive", "bounded", "random", "pct"])
@pytest.mark.parametrize("name", BROKEN)
def test_no_strategy_calls_a_broken_program_correct(name, strategy):
    body, _ = BROKEN[name]
    finding = explore(body, strategy=strategy, executions=100, seconds=30)
    assert finding.verdict != "ruled out", finding.report()


def test_a_bound_that_is_too_small_for_the_race_is_part_of_what_is_said():
    # Three rungs need three alternations: with one preemption nobody gets there.
    finding = explore(partial(ladder, 3, 2), strategy="bounded", preemptions=0)
    assert (finding.verdict, finding.grade) == ("ruled out", "bounded")
    assert "every schedule with at most 0 preemptions" in finding.reason
    assert explore(partial(ladder, 3, 2), strategy="bounded").verdict == "reproduced"


# ------------------------------------------------------- a search that is cut off proves nothing

LARGE = {
    "reorder 10": partial(reorder, 9),
    "two stages, 6 threads": partial(two_stages, 6),
    "a tall ladder": partial(ladder, 12, 12),
}


@pytest.mark.parametrize("strategy", ["exhaustive", "bounded", "portfolio", "random", "pct"])
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("budget", [{"executions": 20}, {"seconds": 0.02}, {"executions": 1}])
def test_a_search_that_its_budget_cuts_off_is_never_ruled_out(name, strategy, budget):
    finding = explore(LARGE[name], strategy=strategy, **budget)
    assert finding.verdict != "ruled out", finding.report()
    if finding.verdict == "inconclusive":
        assert finding.grade == "statistical"
        assert "not a proof" in finding.reason


def locked_counter(threads, times):
    lock, count = threading.Lock(), {"value": 0}

    def add():
        for _ in range(times):
            with lock:
                count["value"] += 1

    together(*[add] * threads)
    assert count["value"] == threads * times


@pytest.mark.parametrize("strategy", ["exhaustive", "bounded", "portfolio", "random", "pct"])
@pytest.mark.parametrize("executions", [1, 2, 50])
def test_a_correct_program_is_not_ruled_out_by_a_part_of_its_schedules(strategy, executions):
    finding = explore(partial(locked_counter, 3, 5), strategy=strategy, executions=executions)
    assert finding.verdict == "inconclusive"
    assert finding.executions == executions


def test_a_budget_that_is_just_enough_rules_out_and_one_less_does_not():
    body = partial(locked_counter, 2, 1)
    needed = explore(body, strategy="exhaustive", points="sync").executions
    verdicts = {
        budget: explore(body, strategy="exhaustive", points="sync", executions=budget).verdict
        for budget in (needed - 1, needed, needed + 1)
    }
    assert verdicts[needed - 1] == "inconclusive"
    assert verdicts[needed + 1] == "ruled out"


# ----------------------------------------------------------------------- correct, and never accused


def queue_with_while():
    """One producer, two consumers, and the predicate tested again after every wait."""
    changed, items, got = threading.Condition(), deque(), []

    def get():
        with changed:
            while not items:
                changed.wait()
            got.append(items.popleft())

    def put():
        for number in range(2):
            with changed:
                items.append(number)
                changed.notify()

    together(get, get, put)
    assert sorted(got) == [0, 1]


def waiter_that_may_come_first():
    """One producer and one consumer: whoever is first waits for the other."""
    changed, items = threading.Condition(), []

    def get():
        with changed:
            changed.wait_for(lambda: items)
            items.pop()

    def put():
        with changed:
            items.append(1)
            changed.notify()

    together(get, put)


def bounded_queue():
    """The producer is faster than there is room."""
    items, got = queue.Queue(maxsize=1), []

    def put():
        for number in range(3):
            items.put(number)
        items.put(None)

    def get():
        while (item := items.get()) is not None:
            got.append(item)

    together(put, get)
    assert got == [0, 1, 2]


def barrier():
    """What each wrote before the barrier, both read after it."""
    both, written = threading.Barrier(2), [0, 0]

    def work(me):
        written[me] = 1
        both.wait()
        assert written == [1, 1]

    together(partial(work, 0), partial(work, 1))


def two_seconds_of_sleep():
    """A pause that is measured by a clock."""
    begun = time.monotonic()

    def rest():
        time.sleep(2)
        assert 2 <= time.monotonic() - begun < 3

    together(rest, rest)


def data_of_its_own():
    """Everybody has a place with the same name."""
    own = threading.local()

    def work(number):
        own.value = number
        own.value += 1
        assert own.value == number + 1

    together(partial(work, 1), partial(work, 10))


def guards_against_hanging():
    """Time-outs of five minutes that nobody needs."""
    items, done, lock = queue.Queue(), threading.Event(), threading.Lock()

    def work():
        assert lock.acquire(timeout=300)
        items.put(1)
        lock.release()
        assert done.wait(timeout=300)

    def serve():
        assert items.get(timeout=300) == 1
        assert lock.acquire(timeout=300)
        lock.release()
        done.set()

    threads = [threading.Thread(target=work), threading.Thread(target=serve)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
        assert not thread.is_alive()


def polling():
    """A loop that looks every tenth of a second whether it is to stop."""
    items, stop, got = queue.Queue(), threading.Event(), []

    def serve():
        while True:
            try:
                got.append(items.get(timeout=0.1))
            except queue.Empty:
                if stop.is_set():
                    return

    server = threading.Thread(target=serve)
    server.start()
    items.put(1)
    time.sleep(1)
    stop.set()
    server.join()
    assert got == [1]


def busy_waiting():
    """A loop that only looks, without a pause."""
    box = {"ready": False}

    def wait():
        while not box["ready"]:
            pass

    def announce():
        box["ready"] = True

    together(wait, announce)


CORRECT = {
    program.__name__: program
    for program in (
        queue_with_while,
        waiter_that_may_come_first,
        bounded_queue,
        barrier,
        two_seconds_of_sleep,
        data_of_its_own,
        guards_against_hanging,
        polling,
        busy_waiting,
    )
} | {"locked_counter": partial(locked_counter, 2, 2)}


#: A loop over data alone has no point at which control could come back, unless accesses are points.
AT_LEVELS = [
    (name, points)
    for name in CORRECT
    for points in ("access", "sync")
    if (name, points) != ("busy_waiting", "sync")
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "points"), AT_LEVELS)
def test_a_correct_program_is_not_accused(name, points, seed):
    finding = explore(CORRECT[name], points=points, seed=seed, executions=100, seconds=60)
    assert finding.failure is None, finding.report()
    assert finding.verdict != "reproduced"
    assert "control was lost" not in finding.reason
    assert "same schedule" not in finding.reason


@pytest.mark.parametrize(
    "name",
    [
        "waiter_that_may_come_first",
        "bounded_queue",
        "barrier",
        "two_seconds_of_sleep",
        "data_of_its_own",
        "guards_against_hanging",
        "locked_counter",
        "queue_with_while",
    ],
)
def test_a_correct_program_is_ruled_out_within_a_bound(name):
    finding = explore(
        CORRECT[name],
        points="sync",
        strategy="bounded",
        preemptions=2,
        executions=20000,
        seconds=60,
    )
    assert finding.verdict == "ruled out", finding.report()
