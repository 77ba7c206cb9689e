"""Operations that run a library's Python code: an item, a property, a container of its own."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_racecheck import explore

LIBRARY = '''
from collections.abc import MutableMapping

class Settings:
    """Two of them may show the same values."""
    def __init__(self, values):
        self._values = values
    def __getitem__(self, key):
        return self._values[key]
    def __setitem__(self, key, value):
        self._values[key] = value
    def __contains__(self, key):
        return key in self._values
    def __iter__(self):
        return iter(self._values)
    @property
    def count(self):
        return self._values.get("count", 0)
    @count.setter
    def count(self, value):
        self._values["count"] = value

class Mapping(Settings, MutableMapping):
    def __delitem__(self, key):
        del self._values[key]
    def __len__(self):
        return len(self._values)
'''
Lock = AbstractContextManager[Any]
Program = Callable[[ModuleType, Lock], None]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A module that is not under test: it lies outside of the root."""
    file: Path = tmp_path_factory.mktemp("library") / "a_library.py"
    file.write_text(LIBRARY)
    spec = importlib.util.spec_from_file_location("a_library", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def together(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def two_views(library: ModuleType, lock: Lock) -> None:
    values = {"n": 0}
    one, other = library.Settings(values), library.Settings(values)

    def add(view: Any) -> None:
        with lock:
            view["n"] = view["n"] + 1

    together(lambda: add(one), lambda: add(other))
    assert values["n"] == 2


def a_property(library: ModuleType, lock: Lock) -> None:
    settings = library.Settings({})

    def add() -> None:
        with lock:
            settings.count += 1

    together(add, add)
    assert settings.count == 2


def checked_in_one_view(library: ModuleType, lock: Lock) -> None:
    values: dict[str, int] = {}
    one, other = library.Mapping(values), library.Mapping(values)
    made = []

    def make(view: Any) -> None:
        with lock:
            if "thing" not in view:
                made.append(1)
                view["thing"] = 1

    together(lambda: make(one), lambda: make(other))
    assert len(made) == 1


def gone_through_in_another_view(library: ModuleType, lock: Lock) -> None:
    values = {"a": 1, "b": 2}
    one, other = library.Mapping(values), library.Mapping(values)

    def look() -> None:
        with lock:
            for key in one:
                str(key)

    def put() -> None:
        with lock:
            other["c"] = 3

    together(look, put)


PROGRAMS = (two_views, a_property, checked_in_one_view, gone_through_in_another_view)


@pytest.mark.parametrize("strategy", ["exhaustive", "random"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_what_a_library_does_for_an_operation_is_not_overlooked(
    library: ModuleType, program: Program, strategy: str
) -> None:
    finding = explore(
        lambda: program(library, nullcontext()), strategy=strategy, executions=3000, seconds=60
    )
    assert finding.verdict == "reproduced", finding.report()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_under_a_lock_nothing_is_found(library: ModuleType, program: Program) -> None:
    finding = explore(
        lambda: program(library, threading.Lock()),
        strategy="exhaustive",
        executions=3000,
        seconds=60,
    )
    assert finding.verdict == "ruled out", finding.report()
