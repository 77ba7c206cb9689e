"""Which globals and closure variables are ever rebound: only reading these is worth a point.

What is found depends on the code under test alone, never on what was explored before or is loaded
besides it: otherwise a schedule found in a long session could not be replayed in a short one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from opcode import EXTENDED_ARG, opmap
from types import CodeType, ModuleType
from typing import Any

from bytecode import Bytecode, Instr, Label
from bytecode.instr import CellVar, FreeVar

#: A global: the file of its module and its name.
Global = tuple[str, str]
#: A closure variable: the file, the qualified name of the function that owns it, and its own.
Cell = tuple[str, str, str]

_INNER = ".<locals>."


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(opmap[name] for name in names)


_CELLS_STORED = _numbers("STORE_DEREF", "DELETE_DEREF")
_GLOBALS_STORED = _numbers("STORE_GLOBAL", "DELETE_GLOBAL")
_ATTRIBUTES_STORED = _numbers("STORE_ATTR", "DELETE_ATTR")
_IMPORTS = _numbers("IMPORT_NAME")


class StoredNames:
    """Collects rebound names from code; asking does not change anything."""

    def __init__(self) -> None:
        self.globals: set[Global] = set()
        self._cells: set[Cell] = set()

    def collect(self, code: CodeType, scope: dict[str, Any]) -> None:
        """Look through ``code``, whose globals are ``scope``, and the functions inside it."""
        for inner in code_tree(code):
            self._collect_globals(inner, scope)
            if _CELLS_STORED & set(inner.co_code[::2]):  # the rest need not be taken apart
                self._collect_cells(inner, list(Bytecode.from_code(inner)))

    def rebinds_global(self, filename: str, name: str) -> bool:
        """Whether anything assigns to this name of the module in ``filename``."""
        return (filename, name) in self.globals

    def rebinds_cell(self, code: CodeType, variable: CellVar | FreeVar) -> bool:
        """Whether ``variable``, used in ``code``, is assigned to more than once."""
        owner = code.co_qualname
        if isinstance(variable, CellVar):
            return (code.co_filename, owner, variable.name) in self._cells
        while _INNER in owner:  # it belongs to a function around this one
            owner = owner.rpartition(_INNER)[0]
            if (code.co_filename, owner, variable.name) in self._cells:
                return True
        return False

    def _collect_globals(self, code: CodeType, scope: dict[str, Any]) -> None:
        self.globals.update((code.co_filename, name) for name in _names(code, _GLOBALS_STORED))
        attributes = set(_names(code, _ATTRIBUTES_STORED))
        for module in _modules_in(code, scope) if attributes else ():
            file = str(vars(module)["__file__"])
            self.globals.update((file, name) for name in attributes if name in vars(module))

    def _collect_cells(self, code: CodeType, items: list[Any]) -> None:
        loops = list(_loops(items))
        once = set(_arguments(code))
        for at, item in enumerate(items):
            if getattr(item, "name", "") not in ("STORE_DEREF", "DELETE_DEREF"):
                continue
            name, owner = item.arg.name, code.co_qualname
            if isinstance(item.arg, FreeVar):
                while _INNER in owner:  # any function around may be the owner
                    owner = owner.rpartition(_INNER)[0]
                    self._cells.add((code.co_filename, owner, name))
            elif name in once or any(first <= at <= last for first, last in loops):
                self._cells.add((code.co_filename, owner, name))
            once.add(name)


def _names(code: CodeType, instructions: frozenset[int]) -> Iterator[str]:
    """The names in those ``instructions`` (numbers), which have the index of a name and no more."""
    above = 0
    for number, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument |= above
        above = argument << 8 if number == EXTENDED_ARG else 0
        if number in instructions:
            yield code.co_names[argument]


def _modules_in(code: CodeType, scope: dict[str, Any]) -> list[ModuleType]:
    """The modules whose attributes ``code`` may assign to: what it names or imports, and inside."""
    found = [scope.get(name) for name in code.co_names]
    found += [sys.modules.get(name) for name in _names(code, _IMPORTS)]
    modules = [one for one in found if type(one) is ModuleType]
    for module in modules:  # grows: `package.module.name = 1`
        inside = [vars(module).get(name) for name in code.co_names]
        modules += [one for one in inside if type(one) is ModuleType and one not in modules]
    return [module for module in modules if vars(module).get("__file__")]


def _arguments(code: CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _loops(items: list[Any]) -> Iterator[tuple[int, int]]:
    labels = {id(item): at for at, item in enumerate(items) if isinstance(item, Label)}
    for at, item in enumerate(items):
        if isinstance(item, Instr) and isinstance(item.arg, Label):
            start = labels.get(id(item.arg), at)
            if start < at:
                yield start, at


def code_tree(code: CodeType) -> Iterable[CodeType]:
    """``code`` and every function inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from code_tree(const)
