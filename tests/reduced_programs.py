"""Tiny programs for the reduction: each one is about one kind of operation."""

from __future__ import annotations

import functools
import heapq
import io
import itertools
import queue
import random
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from pytest_racecheck.engine.verbs import switch, wait_until
from twins import together


def apart(*functions):
    """Run each in a thread of its own, and do not wait: that would be many more interleavings."""
    for function in functions:
        threading.Thread(target=function).start()


class Box:
    """Something with attributes."""

    shared = 0

    def __init__(self):
        self.value = self.other = 0


def lost_update():
    """Both read, both write."""
    box = Box()

    def add():
        box.value += 1

    apart(add, add)


def two_variables():
    """Each task has a variable of its own; nothing is shared."""
    box = Box()

    def one():
        box.value += 1

    def other():
        box.other += 1

    apart(one, other)


def crossed_locks():
    """A deadlock is a class of its own."""
    a, b = threading.Lock(), threading.Lock()

    def forwards():
        with a, b:
            pass

    def backwards():
        with b, a:
            pass

    apart(forwards, backwards)


def guarded():
    """One lock, and data that is only touched under it."""
    box, lock = Box(), threading.Lock()

    def add():
        with lock:
            box.value += 1

    apart(add, add, add)


def tried():
    """Whether a try succeeds depends on who has released."""
    lock, got = threading.Lock(), []

    def attempt():
        if lock.acquire(blocking=False):
            lock.release()
        else:
            got.append(1)

    apart(attempt, attempt)


def flagged():
    """An event, looked at and set."""
    event, box = threading.Event(), Box()

    def look():
        box.value = event.is_set()

    apart(look, event.set)


def awaited():
    """A condition whose notification may come before the wait."""
    condition, box = threading.Condition(), Box()

    def wait():
        with condition:
            if not box.value:
                condition.wait()

    def tell():
        with condition:
            box.value = 1
            condition.notify()

    apart(wait, tell)


def handed_over():
    """A queue of the C library."""
    items = queue.SimpleQueue()
    apart(lambda: items.put(1), lambda: items.put(2), lambda: items.get())


def passed_on():
    """Who gets first is decided before there is anything for the other one to get."""
    items, got = queue.SimpleQueue(), []
    items.put(1)

    def work():
        got.append(items.get())
        items.put(2)

    apart(work, work)


def passed_on_in_time():
    """The same, with gets that give up in the end."""
    items = queue.SimpleQueue()
    items.put(1)

    def work():
        items.put(items.get(timeout=60))

    apart(work, work)


def locked_in_time():
    """Acquires that give up in the end, but not soon: the lock changes hands before."""
    lock, got = threading.Lock(), []

    def work():
        if lock.acquire(timeout=60):
            got.append(1)
            lock.release()

    apart(work, work)


def handed_in():
    """Waits for something that the engine does not know: an adapter's, in code without gates."""
    box = io.StringIO("a")
    box.seek(1)

    def work():
        wait_until(box.tell, "receive", box)
        box.seek(0)
        switch("send", box)
        box.seek(1)

    apart(work, work)


def keyed():
    """Items of one dictionary are different things, its whole is one."""
    table = {"a": 0, "b": 0}

    def one():
        table["a"] = 1

    def other():
        table["b"] = 2

    apart(one, other, lambda: table.get("a"))


def in_the_class():
    """An attribute that is read from the instance and written in the class."""
    box = Box()

    def write():
        Box.shared = 1

    apart(lambda: box.shared, write)
    Box.shared = 0


def counted():
    """A semaphore, which is a condition and a number."""
    gate, box = threading.Semaphore(1), Box()

    def enter():
        with gate:
            box.value += 1

    apart(enter, enter)


def asked_alive():
    """Whether a thread is still alive depends on when it is asked."""
    box = Box()

    def work():
        box.value = 1

    worker = threading.Thread(target=work)
    worker.start()
    worker.is_alive()
    worker.join()


PROGRAMS = {
    program.__name__: program
    for program in (
        lost_update,
        two_variables,
        crossed_locks,
        guarded,
        tried,
        flagged,
        awaited,
        handed_over,
        passed_on,
        passed_on_in_time,
        locked_in_time,
        handed_in,
        keyed,
        in_the_class,
        counted,
        asked_alive,
    )
}


# -------------------------------------------- order that matters, in code that has no gates


def _in_order(first, second, result, expected):
    together(first, second)
    assert result() == expected


def text():
    """An object written in C."""
    out = io.StringIO()
    _in_order(lambda: out.write("a"), lambda: out.write("b"), out.getvalue, "ab")


def heap():
    """A list that a function of the library changes."""
    items = [5]

    def push():
        heapq.heappush(items, 3)

    def look():
        assert len(items) == 2

    together(push, look)


def numbers():
    """An iterator that both advance."""
    source, got = itertools.count(), {}

    def take(name):
        got[name] = next(source)

    _in_order(lambda: take("a"), lambda: take("b"), lambda: got, {"a": 0, "b": 1})


def drawn():
    """A generator of random numbers that both use."""
    source, got = random.Random(1), {}
    first = random.Random(1).random()

    def draw(name):
        got[name] = source.random()

    _in_order(lambda: draw("a"), lambda: draw("b"), lambda: got["a"], first)


def named_by_text():
    """An attribute that is written through its name."""
    box = Box()

    def write():
        setattr(box, "val" + "ue", 1)

    def read():
        assert box.value == 0

    together(write, read)


def ordered():
    """A method of a container that few use."""
    table = OrderedDict(a=1, b=2)

    def change():
        OrderedDict.move_to_end(table, "a")

    def look():
        assert next(iter(table)) == "a"

    together(change, look)


def timed():
    """A sleep that ends before or after the other one looks."""
    box = Box()

    def late():
        time.sleep(0.1)
        box.value = 1

    def look():
        time.sleep(0.1)
        assert box.value == 1

    together(late, look)


def given_to_a_thread():
    """A method written in C, called by the thread itself."""
    items = [1]

    def look():
        assert len(items) == 1

    together(look, items.clear)


def given_to_a_timer():
    """The same, after a time."""
    items = [1]
    timer = threading.Timer(0.1, items.clear)
    timer.start()
    time.sleep(0.1)
    assert items[0:] == [1]


def given_to_a_pool():
    """The same, by a worker; and a callback when the future is done."""
    items, done = [1], []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(items.clear).add_done_callback(done.append)
        assert items[0:] == [1] or done[0:]


def kept_in_c():
    """A cache of the library, which both ask."""
    made = []

    @functools.lru_cache
    def make(_):
        made.append(1)
        return len(made)

    got = {}

    def ask(name, key):
        got[name] = make(key)

    _in_order(lambda: ask("a", 1), lambda: ask("b", 2), lambda: got["a"], 1)


def _looked(look, fill, expected):
    """One looks at a list in some way, the other one adds to it."""
    items, got = [1], []
    together(lambda: got.append(look(items)), lambda: fill(items))
    assert got == [expected]


def _append(items):
    items.append(2)


def true():
    """Whether there is anything in a list, asked without a call."""
    items, got = [], []

    def look():
        if items:
            got.append(1)

    together(look, lambda: items.append(1))
    assert not got


def compared():
    """A list that is compared."""
    _looked(lambda items: items == [1], _append, True)


def taken_apart():
    """A list whose items get names."""
    items, got = [1], []

    def look():
        _, *rest = items
        got.extend(rest)

    together(look, lambda: items.append(2))
    assert not got


def spread():
    """A list in the arguments of a call."""
    _looked(lambda items: max(0, *items), _append, 1)


def copied():
    """A list in another one."""
    _looked(lambda items: len([*items]), _append, 1)


def shown():
    """A list in a text."""
    _looked(lambda items: f"{items}", _append, "[1]")


def summed():
    """A list in a sum."""
    _looked(lambda items: len(items + items), _append, 2)


def grown():
    """A list that grows in place, without a call."""

    def grow(items):
        items += [2]

    _looked(len, grow, 1)


def taken_in():
    """A list that is appended to another."""
    items, more = [], [1]
    together(lambda: items.extend(more), lambda: more.append(2))
    assert len(items) == 1


def put_in():
    """A list that takes the place of a slice."""
    items, more = [], [1]

    def put():
        items[0:0] = more

    together(put, lambda: more.append(2))
    assert len(items) == 1


def held_meanwhile():
    """A list whose method is looked up before, and called after another operation."""
    items, box = [1], Box()

    def add():
        items.append(box.value)

    together(add, lambda: _append(items))
    assert items[1] == 0


def among_others():
    """What is in a list that is compared changes, not the list."""
    inner = []
    items, got = [inner], []
    together(lambda: got.append(items == [[]]), lambda: inner.append(1))
    assert got == [True]


WITHOUT_GATES = {
    program.__name__: program
    for program in (
        *(text, heap, numbers, drawn, named_by_text, ordered, timed, kept_in_c),
        *(given_to_a_thread, given_to_a_timer, given_to_a_pool),
        *(true, compared, taken_apart, spread, copied, shown, summed, grown, taken_in, put_in),
        *(held_meanwhile, among_others),
    )
}


# ------------------------------------------- order that matters, of operations that have gates


def read_the_clock():
    """Who reads it first."""
    seen = {}

    def read(name):
        seen[name] = time.monotonic()

    together(functools.partial(read, "one"), functools.partial(read, "other"))
    assert seen["one"] < seen["other"]


def timed_out():
    """A time-out that fires a moment before the answer."""
    answers = queue.SimpleQueue()

    def serve():
        time.sleep(1.0)
        answers.put("here you are")

    together(serve, lambda: answers.get(timeout=1.2))


def looked_at_by_two():
    """A lock is taken between two looks at it, the second one first."""
    lock, seen = threading.Lock(), {}

    def look(name):
        seen[name] = lock.locked()

    together(functools.partial(look, "a"), functools.partial(look, "b"), lock.acquire)
    assert seen != {"a": True, "b": False}


def woken():
    """The last of three waiters is the first to wake."""
    changed, order = threading.Condition(), []

    def wait(number):
        time.sleep(10 * number)  # they begin to wait in this order, always
        with changed:
            changed.wait()
            order.append(number)

    def wake():
        time.sleep(90)
        with changed:
            changed.notify()
        time.sleep(90)
        with changed:
            changed.notify_all()

    together(*(functools.partial(wait, number) for number in range(3)), wake)
    assert order[0] != 2


def emptied():
    """The whole of a list, and one of its items."""
    items = [1]

    def empty():
        items.clear()

    together(lambda: items[0], empty)


ORDERS = {
    program.__name__: program
    for program in (read_the_clock, timed_out, looked_at_by_two, woken, emptied)
}


def writing(*counts):
    """Each task writes the same variable so many times: every order of the writes is a class."""
    box = Box()

    def write(count):
        while count:
            box.value = count
            count -= 1

    apart(*(functools.partial(write, count) for count in counts))
