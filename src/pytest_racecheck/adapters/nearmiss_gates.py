"""Gives the functions under test code with gates for near misses, and takes it back."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType

from pytest_racecheck.adapters.nearmiss_code import Wanted, late_attributes, with_gates
from pytest_racecheck.engine.stored_names import StoredNames
from pytest_racecheck.engine.under_test import UnderTest


class Gates:
    """The gates in one process: ``put_in``, ``take_out``; what was made is kept for the next time.

    ``ignore`` has files and places ("file.py:12") that get none.
    """

    def __init__(
        self,
        root: str,
        files: Sequence[str] = (),
        control: Sequence[str] = (),
        ignore: Iterable[str] = (),
    ) -> None:
        self._under_test = UnderTest(root, files, control)
        self._root, self._ignore = root, frozenset(ignore)
        self._made: dict[CodeType, CodeType] = {}
        self._put_in: dict[int, tuple[FunctionType, CodeType]] = {}
        self._stored = StoredNames()
        self._attributes: frozenset[str] = frozenset()
        self._modules = -1

    def put_in(self) -> int:
        """Give every function under test its gates; returns how many have them."""
        functions = self._new_functions()
        known = set(self._made) | set(self._made.values())
        fresh = [f for f in functions if f.__code__ not in known]
        self._attributes |= late_attributes(fresh)
        for function in fresh:
            self._stored.collect(function.__code__, function.__globals__)
        wanted = Wanted(self._root, self._attributes, self._stored, self._ignore)
        for function in functions:
            code = function.__code__
            if code in self._made.values():
                continue  # made by a function that has its gates
            if code not in self._made:
                self._made[code] = with_gates(code, function.__globals__, wanted)
            self._put_in[id(function)] = (function, code)
            function.__code__ = self._made[code]
        self._modules = len(sys.modules)
        return len(self._put_in)

    def keep_up(self) -> None:
        """Look for functions again where modules were imported meanwhile."""
        if len(sys.modules) != self._modules:
            self.put_in()

    def take_out(self) -> None:
        """Every function has its own code again."""
        for function, code in self._put_in.values():
            function.__code__ = code
        self._put_in.clear()
        self._modules = -1

    def _new_functions(self) -> list[FunctionType]:
        return [
            found
            for found in gc.get_objects()
            if type(found) is FunctionType
            and id(found) not in self._put_in
            and self._under_test.covers(found.__code__.co_filename)
        ]


@contextmanager
def gates_put_in(gates: Gates) -> Iterator[int]:
    """The gates are there meanwhile."""
    try:
        yield gates.put_in()
    finally:
        gates.take_out()
