"""Gives the functions under test code with gates for near misses, and takes it back."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType

from pytest_racecheck.adapters.nearmiss_code import Wanted, late_attributes, with_gates
from pytest_racecheck.engine.stored_names import StoredNames, code_tree
from pytest_racecheck.engine.under_test import UnderTest
from pytest_racecheck.free.nearmiss.site import Site


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
        # By address: code that looks the same in two files is equal, and has other globals.
        self._made: dict[int, tuple[CodeType, CodeType]] = {}
        self._with_gates: dict[int, CodeType] = {}
        self._put_in: dict[int, tuple[FunctionType, CodeType]] = {}
        self._without: list[FunctionType] = []
        self._stored = StoredNames()
        self._attributes: frozenset[str] = frozenset()
        self._modules = -1

    def put_in(self) -> int:
        """Give every function under test its gates; returns how many have them."""
        functions = self._new_functions()
        fresh = [f for f in functions if id(f.__code__) not in self._made]
        self._attributes |= late_attributes(fresh)
        for function in fresh:
            self._stored.collect(function.__code__, function.__globals__)
        wanted = Wanted(self._root, self._attributes, self._stored, self._ignore)
        for function in functions:
            self._give(function, wanted)
        self._modules = len(sys.modules)
        return len(self._put_in)

    def _give(self, function: FunctionType, wanted: Wanted) -> None:
        code = function.__code__
        if id(code) not in self._made:
            made = with_gates(code, function.__globals__, wanted)
            self._made[id(code)] = (code, made)
            self._with_gates.update((id(inner), inner) for inner in code_tree(made))
        self._put_in[id(function)] = (function, code)
        function.__code__ = self._made[id(code)][1]

    def keep_up(self) -> None:
        """Look for functions again where modules were imported meanwhile; all have their gates."""
        for function in self._without:
            known = self._put_in.get(id(function))
            if known is not None:
                function.__code__ = self._made[id(known[1])][1]
        self._without.clear()
        if len(sys.modules) != self._modules:
            self.put_in()

    def do_without(self, site: Site) -> None:
        """The function of ``site`` has its own code till ``keep_up``; calls under way go on."""
        for function, code in list(self._put_in.values()):
            if code.co_qualname == site.function and code.co_filename == site.file:
                function.__code__ = code
                self._without.append(function)

    def take_out(self) -> None:
        """Every function has its own code again."""
        for function, code in self._put_in.values():
            function.__code__ = code
        self._put_in.clear()
        self._without.clear()
        self._modules = -1

    def _new_functions(self) -> list[FunctionType]:
        return [
            found
            for found in gc.get_objects()
            if type(found) is FunctionType
            and id(found) not in self._put_in
            and id(found.__code__) not in self._with_gates
            and self._under_test.covers(found.__code__.co_filename)
        ]


@contextmanager
def gates_put_in(gates: Gates) -> Iterator[int]:
    """The gates are there meanwhile."""
    try:
        yield gates.put_in()
    finally:
        gates.take_out()
