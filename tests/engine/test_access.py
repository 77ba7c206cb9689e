"""Accesses to data are scheduling points, and nothing else about the program changes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import types
from collections import Counter, OrderedDict, defaultdict, deque
from functools import partial

import pytest
from bytecode import Bytecode, TryBegin

from onlooker import Onlooker
from pytest_racecheck import explore
from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.trace import Trace
from pytest_racecheck.engine.under_test import UnderTest, gates_inserted
from twins import together

HERE = UnderTest("/nowhere", (__file__,))
NUMBER = 0
LIMIT = 3


class Thing:
    """Has an attribute of its own, one of its class, a method and a property."""

    shared = 1

    def __init__(self):
        self.own = 0

    def method(self):
        return self

    @property
    def computed(self):
        return 5


class Slotted:
    __slots__ = ("own",)


def accesses(function):
    """What a thread that calls `function` does, as the trace tells it."""
    trace = Trace()

    def body():
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()

    with gates_inserted(HERE), control_threads():
        runner = Runner(body)
        with runner.ready():
            execution = runner.replay(Schedule("random", (), ""), trace)
    assert execution.failures == []
    return [
        f"{step.label} {step.target}"
        for step in trace.steps
        if step.task == 1 and step.label in ("read", "write")
    ]


def add_to_attribute():
    thing = THING
    thing.own += 1


def add_to_item():
    items = {"key": 0}
    items["key"] += 1


def add_to_global():
    global NUMBER
    NUMBER += 1


def add_to_closure():
    count = 0

    def add():
        nonlocal count
        count += 1

    add()


def delete():
    thing, items = Thing(), {"key": 0}
    thing.extra = 1
    del thing.extra
    del items["key"]


def class_attribute():
    Thing.shared = Thing.shared + 1


def slots():
    slotted = Slotted()
    slotted.own = 1
    slotted.own += 1


def list_methods():
    items = []
    items.append(1)
    items.pop()


def dict_methods():
    items = {}
    items.setdefault("key", 1)
    items.get("key")
    items.update(other=2)


def iterate():
    items = [1]
    for _ in items:
        pass


def contains():
    items = {1}
    return 1 in items


def slices():
    items = [1, 2, 3]
    items[0:1] = items[1:2]


def not_data():
    thing = THING
    thing.method()
    thing.computed  # noqa: B018
    len("text")
    "text"[0]
    (1, 2)[0]
    LIMIT  # noqa: B018 - nobody ever assigns to it
    sys.platform  # noqa: B018


THING = Thing()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (add_to_attribute, ["read Thing.own", "write Thing.own"]),
        (add_to_item, ["read dict `items`['key']", "write dict `items`['key']"]),
        (add_to_global, ["read NUMBER", "write NUMBER"]),
        (add_to_closure, ["write count", "read count", "write count"]),
        (delete, ["write Thing.own", "write Thing.extra", "write Thing.extra"]),
        (class_attribute, ["read Thing.shared", "write Thing.shared"]),
        (slots, ["write Slotted.own", "read Slotted.own", "write Slotted.own"]),
        (list_methods, ["write list `items`", "write list `items`"]),
        (dict_methods, ["write dict `items`", "read dict `items`", "write dict `items`"]),
        (contains, ["read set `items`"]),
        (slices, ["read list `items`[:]", "write list `items`[:]"]),
        (not_data, []),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_access_is_a_point_before_it_happens(function, expected):
    told = accesses(function)
    assert [step for step in told if step in expected] == expected, told
    assert len(told) <= len(expected) + 2, told


def test_iteration_has_a_point_before_every_item():
    assert sum("read" in step for step in accesses(iterate)) >= 2


def test_a_variable_is_as_it_was_while_a_task_stands_before_its_access(monkeypatch):
    monkeypatch.setitem(globals(), "NUMBER", 0)
    onlooker = Onlooker(globals(), "NUMBER")

    def body():
        together(add_to_global, add_to_global)

    with gates_inserted(HERE), control_threads():
        runner = Runner(body)
        with runner.ready():
            runner.execute(onlooker)
    assert onlooker.seen == [("read", 0), ("write", 0), ("read", 1), ("write", 1)]


# ------------------------------------------------------------------------- races of plain data


class Shared:
    def __init__(self):
        self.value, self.items, self.table = 0, [], {}


def races():
    """Read and write in one step, over each form of data: name -> (set up, step, check)."""
    return {
        "attribute": (Shared, add_value, lambda shared: shared.value == 2),
        "item": (lambda: {"n": 0}, add_item, lambda table: table["n"] == 2),
        "defaultdict": (lambda: defaultdict(int), add_item, lambda table: table["n"] == 2),
        "Counter": (Counter, add_item, lambda table: table["n"] == 2),
        "OrderedDict": (lambda: OrderedDict(n=0), add_item, lambda table: table["n"] == 2),
        "list element": (lambda: [0], add_first, lambda items: items[0] == 2),
        "bytearray": (lambda: bytearray(1), add_first, lambda items: items[0] == 2),
        "check then append": (list, append_once, lambda items: len(items) == 1),
        "check then insert": (dict, insert_once, lambda table: len(table["made"]) == 2),
        "check then pop": (lambda: deque([1]), pop_if_any, lambda items: not items),
        "check then remove": (lambda: {1}, remove_if_in, lambda items: not items),
        "copy and write back": (lambda: [1], double, lambda items: len(items) == 4),
        "iterate while it grows": (dict, iterate_and_grow, lambda _: True),
    }


def add_value(shared):
    shared.value += 1


def add_item(table):
    table["n"] += 1


def add_first(items):
    items[0] += 1


def append_once(items):
    if not items.count(1):
        items.append(1)


def insert_once(table):
    if "made" not in table:
        table["made"] = []
    table["made"].append(1)


def pop_if_any(items):
    if items.count(1):
        items.pop()


def remove_if_in(items):
    if 1 in items:
        items.remove(1)


def double(items):
    copied = items[:]
    items[len(items) :] = copied


def iterate_and_grow(table):
    table[len(table)] = 1
    for key in table:
        table.get(key)


@pytest.mark.parametrize("name", races())
def test_races_of_plain_data_are_found_at_accesses_only(name):
    make, step, check = races()[name]

    def body():
        shared = make()
        together(partial(step, shared), partial(step, shared))
        assert check(shared)

    finding = explore(body, executions=2000, seconds=60)
    assert finding.verdict == "reproduced", finding.report()
    assert explore(body, points="sync", executions=2000, seconds=60).verdict == "ruled out"


def test_a_race_through_a_global_is_found():
    def add():
        global NUMBER
        NUMBER += 1

    def body():
        global NUMBER
        NUMBER = 0
        together(add, add)
        assert NUMBER == 2

    assert explore(body).verdict == "reproduced"


def test_a_race_through_a_closure_is_found():
    def body():
        count = 0

        def add():
            nonlocal count
            count += 1

        together(add, add)
        assert count == 2

    assert explore(body).verdict == "reproduced"


def test_a_race_in_a_closure_made_at_import_time_is_found():
    def body():
        RESET()
        together(ADD, ADD)
        assert GET() == 2

    assert explore(body).verdict == "reproduced"


def _counter():
    count = 0

    def add():
        nonlocal count
        count += 1

    def reset():
        nonlocal count
        count = 0

    def get():
        return count

    def get_twice():
        return count == count  # noqa: PLR0124 - a switch may come in between

    return add, reset, get, get_twice


ADD, RESET, GET, GET_TWICE = _counter()


def test_two_readings_of_a_closure_made_at_import_time_may_differ():
    def body():
        RESET()
        same = []
        together(ADD, lambda: same.append(GET_TWICE()))
        assert same == [True]

    assert explore(body).verdict == "reproduced"


def test_a_race_in_methods_generators_and_lambdas_is_found():
    class Account:
        balance = 0

        @classmethod
        def deposit(cls):
            cls.balance += 1

        @staticmethod
        def numbers(shared):
            shared.value += 1
            yield

    def body():
        Account.balance, shared = 0, Shared()
        together(Account.deposit, Account.deposit)
        together(lambda: list(Account.numbers(shared)), lambda: list(Account.numbers(shared)))
        assert (Account.balance, shared.value) == (2, 2)

    assert explore(body).verdict == "reproduced"


# -------------------------------------------------------------------------- the user's objects


class Hostile:
    """Objects to everything that only a program under test should do."""

    def __init__(self):
        object.__setattr__(self, "asked", [])

    def _refuse(self, *_):
        raise RuntimeError("working outside of a context")

    __len__ = __bool__ = __hash__ = __repr__ = __str__ = __iter__ = __eq__ = _refuse
    __format__ = __index__ = __call__ = __dir__ = __reduce_ex__ = _refuse
    __class__ = property(_refuse)

    def __getattr__(self, name):
        raise RuntimeError(f"{name} is none of your business")

    def __getitem__(self, key):
        return key


def test_objects_are_never_asked_what_only_the_program_may_ask():
    def body():
        hostile, shared = Hostile(), Shared()
        shared.held, shared.items = hostile, [hostile]
        table = {"key": hostile}

        def use():
            hostile.extra = 1
            shared.held.extra = hostile["key"]
            table["key"].more = shared.items[0]
            shared.value += 1

        together(use, use)
        assert shared.value == 2, "so that there is a report"

    finding = explore(body)
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.message.startswith("so that there is a report")
    assert "Hostile" in finding.report(200)


def test_mocks_are_not_taken_for_what_they_pretend_to_be():
    from unittest.mock import MagicMock

    def body():
        mock = MagicMock(spec=list)
        together(lambda: mock.append(1), lambda: mock.append(2))
        assert mock.append.call_count == 2

    assert explore(body, executions=50).verdict != "reproduced"


# ------------------------------------------------------------------------- the meaning is the same


def generator(n):
    received = []
    for number in range(n):
        received.append((yield number))
    return received


def unwind(values):
    log = []
    try:
        for value in values:
            try:
                log.append(1 / value)
            except ZeroDivisionError as error:
                log.append(type(error).__name__)
                continue
            else:
                log.append("else")
            finally:
                log.append("finally")
    except TypeError as error:
        log.append(str(error))
    return log


def comprehensions(n):
    squares = {x: [y for y in range(x) if y % 2] for x in range(n)}
    return squares, sum(x for x in squares), {str(x) for x in squares}


async def asynchronous(n):
    async def numbers():
        for number in range(n):
            yield number

    async with contextlib.aclosing(numbers()) as source:
        return [number async for number in source]


def unpack(first, *rest, key=1, **more):
    (head, *tail), [last] = (first, *rest), [key]
    head, last = last, head
    return head, tail, last, {**more, "key": key}


def match(value):
    match value:
        case {"kind": kind, **rest}:
            return kind, rest
        case [first, *_] if first:
            return first
        case Thing(own=own):
            return own
        case _:
            return None


def nested(depth):
    total = 0

    def go(level, step=lambda n: n + 1):
        nonlocal total
        total += step(level)
        return level and go(level - 1)

    go(depth)
    return total


def walrus(values):
    seen = []
    while values and (head := values.pop()) is not None:
        seen.append(head)
    return seen, f"{head!r:>5}" if seen else ""


def groups():
    caught = []
    try:
        raise ExceptionGroup("both", [ValueError(1), TypeError(2)])
    except* ValueError as group:
        caught.append(len(group.exceptions))
    except* TypeError:
        caught.append("type")
    return caught


def classes():
    class Meta(type):
        def __new__(mcs, name, bases, scope, *, flag, **more):
            scope["flag"] = flag
            return super().__new__(mcs, name, bases, scope, **more)

        def __init__(cls, name, bases, scope, **_):
            super().__init__(name, bases, scope)

    class Made(metaclass=Meta, flag=7):
        x = tuple(n for n in range(3) if n)

        def __init_subclass__(cls, **more):
            cls.more = more

    class Child(Made, flag=8, other=9):
        pass

    return Made.x, Made.flag, Child.flag, Child.more


def chained(a, b, c):
    return a < b < c, (a or b) and c, not a, a if b else c


#: A function for each construct, and arguments to try it with.
SAMPLES = [
    (lambda n: list(generator(n)), (3,)),
    (unwind, ([1, 0, 2],)),
    (unwind, ([1, "x"],)),
    (comprehensions, (5,)),
    (lambda n: asyncio.run(asynchronous(n)), (3,)),
    (unpack, (1, 2, 3)),
    (lambda: unpack(1, key=2, other=3), ()),
    (match, ({"kind": 1, "b": 2},)),
    (match, ([5, 6],)),
    (match, (Thing(),)),
    (match, (None,)),
    (nested, (6,)),
    (walrus, ([None, 1, 2, 3],)),
    (groups, ()),
    (classes, ()),
    (chained, (1, 2, 3)),
    (chained, (0, 2, 1)),
]


@pytest.mark.parametrize("at", range(len(SAMPLES)))
def test_a_function_with_gates_returns_what_it_returns_without(at):
    import copy

    function, arguments = SAMPLES[at]
    expected = function(*copy.deepcopy(arguments))
    with gates_inserted(HERE):
        assert function(*copy.deepcopy(arguments)) == expected


def test_tracebacks_point_at_the_same_lines():
    def inner(values):
        return values[5].attribute

    def outer():
        return [inner([1]) for _ in range(1)]

    def lines():
        try:
            outer()
        except IndexError as error:
            traceback, found = error.__traceback__, []
            while traceback is not None:
                found.append((traceback.tb_frame.f_code.co_name, traceback.tb_lineno))
                traceback = traceback.tb_next
            return found
        return []

    expected = lines()
    with gates_inserted(HERE):
        assert lines() == expected


def test_code_is_the_same_object_again_afterwards():
    named = [value for value in globals().values() if isinstance(value, types.FunctionType)]
    functions = [one for one in named if one.__code__.co_filename == __file__]
    before = [function.__code__ for function in functions]
    with gates_inserted(HERE) as count:
        assert count >= len(functions)
        assert all(f.__code__ is not code for f, code in zip(functions, before, strict=True))
    assert all(f.__code__ is code for f, code in zip(functions, before, strict=True))


def test_the_stack_has_room_for_every_gate_and_an_exception_finds_it_as_before():
    named = [value for value in globals().values() if isinstance(value, types.FunctionType)]
    functions = [one for one in named if one.__code__.co_filename == __file__]
    before = [depths_at_handlers(function.__code__) for function in functions]
    assert len({depth for depths in before for depth in depths}) > 2, "handlers at several depths"
    with gates_inserted(HERE):
        for function, depths in zip(functions, before, strict=True):
            code = function.__code__
            assert Bytecode.from_code(code).compute_stacksize() <= code.co_stacksize
            assert depths_at_handlers(code) == depths


def depths_at_handlers(code):
    """How many values an exception leaves on the stack, in the order of the blocks."""
    blocks = Bytecode.from_code(code, conserve_exception_block_stackdepth=True)
    return [item.stack_depth for item in blocks if isinstance(item, TryBegin)]


def test_gates_are_not_inserted_twice():
    def nested():
        def inner(thing):
            thing.own += 1

        return inner

    with gates_inserted(HERE):
        inner = nested()
        once = inner.__code__
        with gates_inserted(HERE):
            assert inner.__code__ is once
