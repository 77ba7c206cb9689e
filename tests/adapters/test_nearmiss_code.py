"""Code with gates for near misses means what it meant, and its gates stand where they should."""

from __future__ import annotations

import _thread
import argparse
import configparser
import difflib
import fractions
import gc
import json
import statistics
import string
import sys
import textwrap
import threading
import tokenize
import types
import weakref
from collections.abc import Callable, Iterator
from io import StringIO
from types import CodeType, FunctionType
from typing import Any

import pytest

from pytest_racecheck.adapters.nearmiss_code import Wanted, late_attributes, with_gates
from pytest_racecheck.adapters.nearmiss_gates import Gates, gates_put_in
from pytest_racecheck.engine.stored_names import StoredNames
from pytest_racecheck.free.nearmiss import Contracts, Pairs, Watch, gates
from pytest_racecheck.free.nearmiss.births import Threads
from pytest_racecheck.free.nearmiss.budget import Budget
from pytest_racecheck.free.nearmiss.site import DENSE_PASSES, DULL_PASSES, Place, Site

HERE = __file__


class Heard(Watch):
    """A watch that writes down what it is told, and holds nobody."""

    def __init__(self) -> None:
        threads = Threads()
        threads.born[-1] = 0.0  # as if others were there
        super().__init__(Pairs(), Contracts(), threads, seed="0", budget=Budget(0.0))
        self.told: list[tuple[str, str]] = []

    def arrive(self, site: Any, target: object, effect: Any, part: Any) -> None:
        self.told.append((site.name, site.shown))

    def use(self, site: Any, cell: Any) -> None:
        self.told.append(("use", site.name))

    def ready(self, site: Any, cell: Any) -> None:
        self.told.append(("ready", site.name))

    def gone(self, site: Any, cell: Any) -> None:
        self.told.append(("gone", site.name))


def gated(function: Callable[..., Any], *late: str) -> FunctionType:
    """A copy of ``function`` with gates."""
    assert isinstance(function, FunctionType)
    stored = StoredNames()
    stored.collect(function.__code__, function.__globals__)
    code = with_gates(function.__code__, function.__globals__, Wanted("/", frozenset(late), stored))
    return FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )


def heard(function: Callable[..., Any], *arguments: object, late: tuple[str, ...] = ()) -> Any:
    """What the gates tell while ``function`` runs, after its result."""
    watch = Heard()
    copy = gated(function, *late)
    gates.watch_with(watch)
    try:
        result = copy(*arguments)
    finally:
        gates.watch_with(None)
    return result, watch.told


# ------------------------------------------------------------------------- it means the same


def branches(values: list[int], flag: bool) -> list[int]:
    found: list[int] = []
    for value in values:
        found.append(value if flag else -value)
        if value == 3:
            break
        found.extend([value for _ in range(2) if flag] or [0])
    else:
        found.insert(0, 99)
    while found and found[-1] == 0:
        found.pop()
    return found


def calls(d: dict[str, int]) -> object:
    d.update(a=1, b=2)
    d.setdefault("c", d.get("x", 5) if "a" in d else 7)
    pairs = sorted(d.items(), key=lambda pair: pair[1])
    rest = [k for k, v in d.items() if v > 1]
    return pairs, rest, {k: v + 1 for k, v in d.items()}, "{}".format(*rest), d.pop(*["a"])


def failures(d: dict[str, int]) -> list[str]:
    found = []
    for key in ("a", "b"):
        try:
            found.append(str(d[key]))
        except KeyError as error:
            found.append(repr(error))
        finally:
            found.append("end")
    with StringIO() as file:
        file.write("x" + ("y" if d else "z"))
        found.append(file.getvalue())
    return found


def generator(d: dict[str, int]) -> Iterator[int]:
    for key in d:
        got = yield d[key]
        d[key] = got if got is not None else d[key]
    del d["a"]
    yield from d.values()


def looks_at_its_variables(x: list[int]) -> object:
    x.append(1)
    return "{x}".format(**locals())


def nested(n: int) -> list[int]:
    class Inner:
        made = (1, 2)
        made += (3,)

        def __init__(self) -> None:
            self.items = [n]

        def more(self) -> list[int]:
            self.items.append(n)
            return [item + len(self.items) for item in self.items] + list(self.made)

    return Inner().more()


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (branches, ([1, 2, 3, 4], True)),
        (branches, ([1, 2, 4], False)),
        (calls, ({"b": 9},)),
        (failures, ({"a": 1},)),
        (looks_at_its_variables, ([4],)),
        (nested, (5,)),
    ],
)
def test_a_function_with_gates_gives_what_it_gave(function, arguments):
    import copy

    plain = function(*copy.deepcopy(arguments))
    result, told = heard(function, *copy.deepcopy(arguments), late=("items", "made"))
    assert result == plain
    assert told or function is looks_at_its_variables, "else there were no gates"


def test_a_generator_with_gates_gives_what_it_gave():
    def driven(made: Callable[..., Any]) -> list[object]:
        d = {"a": 1, "b": 2}
        running = made(d)
        return [next(running), running.send(7), *running, d]

    gates.watch_with(Heard())
    try:
        assert driven(gated(generator)) == driven(generator)
    finally:
        gates.watch_with(None)


MODULES = (argparse, configparser, difflib, fractions, json, statistics, string, textwrap, tokenize)


def work() -> list[object]:
    """Something of each of the modules."""
    parser = argparse.ArgumentParser(prog="p", description="words " * 30)
    parser.add_argument("--number", type=int, choices=[1, 2], default=1)
    ini = configparser.ConfigParser()
    ini.read_string("[a]\nb = %(c)s\nc = 1\n")
    return [
        parser.format_help(),
        vars(parser.parse_args(["--number", "2"])),
        dict(ini["a"]),
        list(difflib.unified_diff(["a", "b", "c"], ["a", "c", "d"])),
        difflib.get_close_matches("appel", ["ape", "apple", "peach"]),
        fractions.Fraction(3, 4) ** 2 + fractions.Fraction("1.25"),
        json.loads(json.dumps({"a": [1, 2.5, None, {"b": "\u00e9"}]}, indent=2)),
        statistics.quantiles([1, 5, 2, 8, 4], n=3),
        string.Template("$a ${b}").substitute(a=1, b=2),
        textwrap.fill("some words " * 20, width=30, initial_indent="* "),
        [t.string for t in tokenize.generate_tokens(StringIO("x = [1]\n").readline)],
    ]


def test_modules_of_the_standard_library_work_with_gates():
    plain = work()
    files = [str(module.__file__) for module in MODULES]
    files += [str(sys.modules[name].__file__) for name in ("json.decoder", "json.encoder")]
    watch = Heard()
    with gates_put_in(Gates("/nowhere", files)) as count:
        gates.watch_with(watch)
        try:
            assert work() == plain
        finally:
            gates.watch_with(None)
    assert count > 300
    assert len(watch.told) > 1000
    assert work() == plain


# --------------------------------------------------------------------- the gates, and their order


def appends_what_it_waits_for(items: list[int], wait: Callable[[], int]) -> None:
    items.append(wait() if items is not None else 0)


def test_the_gate_of_a_call_comes_behind_its_arguments():
    # Held before its arguments, a thread could meet one that its arguments wait for.
    watch = Heard()
    before: list[tuple[str, str]] = []

    def wait() -> int:
        before.extend(watch.told)
        return 1

    copy = gated(appends_what_it_waits_for)
    gates.watch_with(watch)
    try:
        copy([], wait)
    finally:
        gates.watch_with(None)
    assert before == []
    assert [name for name, _ in watch.told] == ["append"]


def loop_over_items(d: dict[str, int]) -> int:
    total = 0
    for key, value in d.items():
        total += value + len(key)
    return total


def test_each_step_of_a_loop_over_a_view_is_told_of_its_dictionary():
    _, told = heard(loop_over_items, {"a": 1, "b": 2})
    assert [name for name, _ in told] == ["items", "__iter__", "__iter__", "__iter__"]
    assert told[1][1].startswith("for ... in d.items")


def comprehends(d: dict[str, int], names: set[str]) -> object:
    return (
        sum(value for value in d.values()),
        [name.upper() for name in names],
        sorted(n for n in names),
    )


def test_a_comprehension_is_told_of_once():
    result, told = heard(comprehends, {"a": 1}, {"b"})
    assert result == (1, ["B"], ["b"])
    loops = [name for name, _ in told if name in ("values", "__iter__")]
    assert loops == ["values", "__iter__", "__iter__", "__iter__"]


def asks(items: list[int], d: dict[str, int]) -> list[bool]:
    return [
        len(items) > 0,
        str(1) == "1" if items else False,
        "a" in d,
        sorted(d) == [],
    ]


def test_looks_are_told():
    _, told = heard(asks, [1], {"a": 1})
    assert [name for name, _ in told] == ["__len__", "__len__", "__contains__", "copy"]


class Box:
    """Has attributes that come late."""

    slot: object

    def __init__(self) -> None:
        self.early = 1
        len([])
        self.late = None


def assigns(box: Box) -> object:
    box.late = 5  # the first value
    box.late = 6
    found = box.late
    box.late = None
    del box.late
    return found


def test_first_values_uses_and_ends_of_attributes_are_told():
    _, told = heard(assigns, Box(), late=("late",))
    assert told == [("ready", "late"), ("use", "late"), ("gone", "late")]


def test_an_attribute_is_late_when_another_thread_may_have_the_object():
    assert late_attributes([Box.__init__]) == {"late"}  # type: ignore[list-item]
    assert "late" in late_attributes([assigns])  # type: ignore[list-item]


_connection: object = None


def connects() -> object:
    global _connection
    _connection = [1]
    found = _connection
    _connection = None
    return found


def test_first_values_uses_and_ends_of_globals_are_told():
    _, told = heard(connects)
    assert told == [("ready", "_connection"), ("use", "_connection"), ("gone", "_connection")]


def test_a_call_of_a_module_is_not_told():
    _, told = heard(lambda: json.dumps({}))
    assert told == []


def test_what_a_gate_keeps_is_let_go_before_the_call():
    class Thing:
        def go(self) -> None: ...

    def uses() -> object:
        thing = Thing()
        thing.go()
        alive = weakref.ref(thing)
        del thing
        gc.collect()
        return alive()

    result, _ = heard(uses)
    assert result is None


# ---------------------------------------------------------------------------- in and out


def test_every_function_has_its_own_code_afterwards():
    before = {name: f.__code__ for name, f in vars(textwrap.TextWrapper).items() if _plain(f)}
    with gates_put_in(Gates("/nowhere", [textwrap.__file__])):
        during = {name: getattr(textwrap.TextWrapper, name).__code__ for name in before}
        assert all(during[name] is not before[name] for name in before)
    after = {name: getattr(textwrap.TextWrapper, name).__code__ for name in before}
    assert all(after[name] is before[name] for name in before)


def _plain(thing: object) -> bool:
    return isinstance(thing, FunctionType)


def test_functions_of_modules_imported_meanwhile_get_gates_too(tmp_path):
    file = tmp_path / "late_module_of_a_test.py"
    file.write_text("def add(items): items.append(1)\n")
    holder = Gates(str(tmp_path))
    with gates_put_in(holder):
        module = types.ModuleType(file.stem)
        exec(compile(file.read_text(), str(file), "exec"), vars(module))
        code: CodeType = module.add.__code__
        sys.modules[file.stem] = module
        try:
            holder.keep_up()
            assert module.add.__code__ is not code
        finally:
            del sys.modules[file.stem]
    assert module.add.__code__ is code


def test_a_function_that_is_called_all_the_time_loses_its_gates_for_a_while(tmp_path):
    text = "def add(items):\n    items.append(1)\n"
    file = tmp_path / "hot.py"
    scope: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), scope)
    code = scope["add"].__code__
    holder = Gates(str(tmp_path))
    watch = Heard()
    watch.dull = holder.do_without
    with gates_put_in(holder):
        gates.watch_with(watch)
        for _ in range(DULL_PASSES - 1):
            scope["add"]([])
        assert scope["add"].__code__ is not code
        scope["add"]([])
        assert scope["add"].__code__ is code
        holder.keep_up()
        assert scope["add"].__code__ is not code
        gates.watch_with(None)
    assert scope["add"].__code__ is code
    assert DENSE_PASSES < len(watch.told) < DULL_PASSES / 4, "most passes are not looked at"


def test_a_function_with_a_pair_that_is_live_keeps_its_gates():
    watch = Heard()
    asked: list[Site] = []
    watch.dull = asked.append
    site = Site(Place("a.py", "a.py", "f", 1), "append", "x.append(1)")
    watch.pairs.near_miss("meet", site.key, "b.py:g:y#1", 0.01, 1)
    watch.is_dull(Site(Place("a.py", "a.py", "f", 2), "pop", "x.pop()"))
    assert asked == []
    watch.is_dull(Site(Place("a.py", "a.py", "other", 2), "pop", "x.pop()"))
    assert len(asked) == 1


def test_each_run_has_contracts_of_its_own(tmp_path):
    class Till:
        def put(self) -> None: ...

    site = Site(Place("a.py", "a.py", "f", 1), "put", "till.put()")
    for unsafe, count in (((), 0), ((Till,), 1)):
        watch = Heard()
        watch.contracts = Contracts(unsafe)
        gates.watch_with(watch)
        gates.called(site, Till())
        gates.watch_with(None)
        assert len(watch.told) == count


def test_what_is_to_be_ignored_gets_no_gates(tmp_path):
    text = "def add(items):\n    items.append(1)\n    items.append(2)\n"
    file = tmp_path / "ignored.py"
    scope: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), scope)
    watch = Heard()
    with gates_put_in(Gates(str(tmp_path), ignore=["ignored.py:2"])):
        gates.watch_with(watch)
        scope["add"]([])
        gates.watch_with(None)
    assert len(watch.told) == 1


def test_nothing_is_told_while_there_is_one_thread():
    watch = Heard()
    watch.born.clear()
    copy = gated(appends_what_it_waits_for)
    if threading.active_count() > 1 or _thread._count():
        pytest.skip("somebody else has threads here")
    gates.watch_with(watch)
    copy([], lambda: 1)
    gates.watch_with(None)
    assert watch.told == []
