"""Which names are worth a point depends on the code that assigns to them, and on nothing else."""

from __future__ import annotations

import types

import pytest
from bytecode import CellVar, FreeVar

from pytest_racecheck.engine.stored_names import StoredNames

FILE = "the_program.py"


def module(text, name="the_program"):
    """A module made of `text`."""
    made = types.ModuleType(name)
    made.__file__ = f"{name}.py"
    exec(compile(text, made.__file__, "exec"), vars(made))
    return made


def collected(*functions):
    stored = StoredNames()
    for function in functions:
        stored.collect(function.__code__, function.__globals__)
    return stored


@pytest.mark.parametrize(
    ("text", "rebound"),
    [
        ("def f():\n    return n", False),
        ("def f():\n    n = 1", False),
        ("def f():\n    global n\n    n = 1", True),
        ("def f():\n    global n\n    n += 1", True),
        ("def f():\n    global n\n    del n", True),
        ("def f():\n    global n\n    for n in ():\n        pass", True),
        ("def f():\n    def g():\n        global n\n        n = 1", True),
        ("def f(self):\n    self.n = 1", False),
    ],
)
def test_a_global_is_rebound_where_code_of_its_module_assigns_to_it(text, rebound):
    stored = collected(module(text).f)
    assert stored.rebinds_global(FILE, "n") == rebound
    assert not stored.rebinds_global("another.py", "n")


def test_a_global_is_rebound_where_another_module_assigns_to_it():
    settings = module("level = 1", "settings")
    user = module("def f():\n    settings.level = 2\n    settings.other.level = 3", "user")
    user.settings = settings
    stored = collected(user.f)
    assert stored.rebinds_global("settings.py", "level")
    assert not stored.rebinds_global("user.py", "level")


def cell(text, function="f", name="n"):
    """Whether the closure variable is rebound, asked in the owner and in the inner function."""
    outer = getattr(module(text), function).__code__
    inner = next(const for const in outer.co_consts if isinstance(const, types.CodeType))
    stored = collected(getattr(module(text), function))
    return (
        stored.rebinds_cell(outer, CellVar(name)),
        stored.rebinds_cell(inner, FreeVar(name)),
    )


@pytest.mark.parametrize(
    ("text", "rebound"),
    [
        ("def f():\n    n = 1\n    def g(): return n", False),
        ("def f(n):\n    def g(): return n", False),
        ("def f(n):\n    n = 2\n    def g(): return n", True),
        ("def f():\n    n = 1\n    def g(): return n\n    n = 2", True),
        ("def f():\n    for n in ():\n        def g(): return n", True),
        ("def f():\n    while True:\n        n = 1\n        def g(): return n", True),
        ("def f():\n    n = 1\n    def g():\n        nonlocal n\n        n = 2", True),
        ("def f():\n    n = 1\n    def g(): return n\n    del n", True),
    ],
)
def test_a_closure_variable_is_rebound_when_it_is_assigned_to_again(text, rebound):
    assert cell(text) == (rebound, rebound)


def test_a_variable_of_the_same_name_elsewhere_does_not_matter():
    text = (
        "def f():\n    n = 1\n    def g(): return n\ndef other(n):\n    n = 2\n    return lambda: n"
    )
    stored = collected(module(text).f, module(text).other)
    inner = next(c for c in module(text).f.__code__.co_consts if isinstance(c, types.CodeType))
    assert not stored.rebinds_cell(inner, FreeVar("n"))


def test_what_is_known_does_not_depend_on_the_order_or_on_how_often_one_looks():
    text = "def f():\n    n = 1\n    def g(): return n\n    return g"
    made = module(text)
    once, often = collected(made.f), collected(made.f(), made.f, made.f(), made.f)
    inner = made.f().__code__
    assert not once.rebinds_cell(inner, FreeVar("n"))
    assert not often.rebinds_cell(inner, FreeVar("n"))
