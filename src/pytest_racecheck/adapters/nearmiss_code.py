"""Inserts the gates of `free.nearmiss` into the bytecode of functions: new code, same meaning.

Bytecode rather than tracing, as in the engine (engine/instrument.py).  The gate of a call comes
behind its arguments, so that whoever waits there has nothing to do but the call.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from bytecode import Bytecode, Instr, Label

from pytest_racecheck.adapters.nearmiss_calls import argument_count, function_name, lookups_of_calls
from pytest_racecheck.engine.call_gates import method_name
from pytest_racecheck.engine.operator_gates import gate_of
from pytest_racecheck.engine.stored_names import StoredNames, code_tree
from pytest_racecheck.free.nearmiss import gates
from pytest_racecheck.free.nearmiss.contracts import FUNCTIONS
from pytest_racecheck.free.nearmiss.site import Place, Site

_PY = sys.version_info[:2]
LONGEST_SHOWN = 60

#: instruction -> (method that it stands for, gate, depth of the first value it gets, how many)
_ITEMS: dict[str, tuple[str, Callable[..., None], int, int]] = {
    "BINARY_SUBSCR": ("__getitem__", gates.called_with, 2, 2),
    "STORE_SUBSCR": ("__setitem__", gates.called_with, 2, 2),
    "DELETE_SUBSCR": ("__delitem__", gates.called_with, 2, 2),
    "CONTAINS_OP": ("__contains__", gates.contained, 2, 2),
    "BINARY_SLICE": ("__getitem__", gates.called, 3, 1),
    "STORE_SLICE": ("__delitem__", gates.called, 3, 1),
}
#: What may look at the variables of a function, where the gates keep one of their own.
_LOOKS_AT_VARIABLES = frozenset({"locals", "vars", "eval", "exec", "dir"})
_VIEWS = frozenset({"items", "keys", "values"})
#: What these give is nobody else's.
_NEW_EACH_TIME = frozenset({"range", "enumerate", "zip", "sorted", "list", "tuple", "reversed"})


@dataclass(frozen=True)
class Wanted:
    """What gets gates: attributes and globals that are assigned late; ``root`` shortens names."""

    root: str
    attributes: frozenset[str]
    stored: StoredNames
    ignore: frozenset[str] = frozenset()


def late_attributes(functions: Iterable[FunctionType]) -> frozenset[str]:
    """Attributes that may be assigned when another thread has the object already.

    In an ``__init__`` that is only so behind its first call; an assignment in place (``+=``) needs
    a value that was there before.
    """
    found: set[str] = set()
    for function in functions:
        for code in code_tree(function.__code__):
            found.update(_late_in(code))
    return frozenset(found)


def _late_in(code: CodeType) -> Iterator[str]:
    if not code.co_names:
        return
    called = code.co_name != "__init__"
    last = ""
    for item in Bytecode.from_code(code):
        name = getattr(item, "name", "")
        called |= name in ("CALL", "CALL_KW", "CALL_FUNCTION_EX")
        if name == "DELETE_ATTR" or (name == "STORE_ATTR" and called and last != "BINARY_OP"):
            yield str(item.arg)  # type: ignore[union-attr]
        if name not in ("SWAP", "COPY", "", "LOAD_FAST"):
            last = name


def with_gates(code: CodeType, scope: dict[str, Any], wanted: Wanted) -> CodeType:
    """Return ``code``, and the functions inside it, with gates; ``scope``: its module's globals."""
    return _Rewriting(code, scope, wanted).done()


class _Rewriting:
    """One function on its way."""

    def __init__(self, code: CodeType, scope: dict[str, Any], wanted: Wanted) -> None:
        self._code, self._scope, self._wanted = code, scope, wanted
        self._bytecode = Bytecode.from_code(code)
        self._items: Sequence[Any] = list(self._bytecode)
        own = bool(code.co_flags & inspect.CO_OPTIMIZED)  # not the body of a class or a module
        self._own = own and not _LOOKS_AT_VARIABLES & {*code.co_names}
        self._lookups = lookups_of_calls(self._items) if self._own else {}
        self._kept = {
            place: f"@nearmiss{place}"
            for place in self._lookups.values()
            if method_name(self._items[place]) is not None and not self._is_of_a_module(place)
        }
        self._loops = _loops_over(self._items) if self._own else {}
        self._alike: Counter[str] = Counter()
        root = os.path.join(wanted.root, "")
        file = code.co_filename
        self._named = os.path.relpath(file, root) if file.startswith(root) else file

    def done(self) -> CodeType:
        """The new code."""
        out: list[Any] = []
        for at, item in enumerate(self._items):
            if not isinstance(item, Instr):
                out.append(item)
                continue
            if item.name == "LOAD_CONST" and isinstance(item.arg, CodeType):
                inner = with_gates(item.arg, self._scope, self._wanted)
                item = Instr("LOAD_CONST", inner, location=item.location)
            self._insert(at, item, out)
            out.append(item)
        self._bytecode[:] = out
        return self._bytecode.to_code()

    def _insert(self, at: int, item: Instr, out: list[Any]) -> None:
        """Put what comes before ``item`` behind ``out``."""
        if at in self._lookups:
            end = len(out)
            if end and isinstance(out[-1], Instr) and out[-1].name == "KW_NAMES":
                end -= 1
            out[end:end] = self._before_call(item, self._lookups[at])
            return
        out += self._before_data(item)
        if _asks_for_truth(item, out):
            out += self._gate(item, "__len__", gates.called, 1, 1)
        if at in self._kept:
            out += self._keep(item, self._kept[at])
        for start, step in self._loops.items():
            if at == start and start not in self._kept:
                out += self._keep(item, f"@nearmiss{start}")
            if at == step:
                out += self._before_step(item, start)

    def _keep(self, item: Instr, variable: str) -> list[Instr]:
        where = item.location
        return [Instr("COPY", 1, location=where), Instr("STORE_FAST", variable, location=where)]

    def _before_call(self, item: Instr, lookup: int) -> list[Instr]:
        if lookup not in self._kept:
            return self._before_function(item, self._items[lookup])
        where, variable = item.location, self._kept[lookup]
        site = self._site(item, method_name(self._items[lookup]) or "")
        if site is None:
            return []
        count = argument_count(item)
        arguments = [
            Instr("LOAD_CONST", site, location=where),
            Instr("LOAD_FAST", variable, location=where),
        ]
        gate = gates.called
        if count and item.name != "CALL_KW" and not self._has_names(item):
            gate = gates.called_with  # type: ignore[assignment]
            arguments.append(Instr("COPY", count + 4, location=where))
        let_go = Instr("DELETE_FAST", variable, location=where)
        still = lookup in self._loops  # the loop over a view needs it at each step
        return [*gate_of(item, gate, arguments), *([] if still else [let_go])]

    def _before_function(self, item: Instr, lookup: Instr) -> list[Instr]:
        """A built-in function that looks at its only argument."""
        name = function_name(lookup)
        stands_for = FUNCTIONS.get(name or "")
        if stands_for is None or name in self._scope or argument_count(item) != 1:
            return []
        return self._gate(item, stands_for, gates.called, 1, 1)

    def _has_names(self, item: Instr) -> bool:
        at = next(i for i, one in enumerate(self._items) if one is item)
        before = self._items[at - 1] if at else None
        return isinstance(before, Instr) and before.name == "KW_NAMES"

    def _before_step(self, item: Instr, start: int) -> list[Instr]:
        site = self._site(self._items[start], "__iter__", item)
        kept = Instr("LOAD_FAST", f"@nearmiss{start}", location=item.location)
        told = Instr("LOAD_CONST", site, location=item.location)
        return [] if site is None else gate_of(item, gates.called, [told, kept])

    def _before_data(self, item: Instr) -> list[Instr]:
        found = _ITEMS.get(item.name)
        if found is not None:
            return self._gate(item, *found)
        name = _attribute(item)
        if name is not None and name in self._wanted.attributes:
            gate, count = _OF_ATTRIBUTES[item.name]
            return self._gate(item, name, gate, count, count)
        if item.name in ("LOAD_GLOBAL", "STORE_GLOBAL"):
            return self._before_global(item)
        return []

    def _before_global(self, item: Instr) -> list[Instr]:
        name = str(item.arg[1] if isinstance(item.arg, tuple) else item.arg)
        if not self._wanted.stored.rebinds_global(self._code.co_filename, name):
            return []
        if item.name == "LOAD_GLOBAL":
            return self._gate(item, name, gates.loaded_global, 0, 0)
        return self._gate(item, name, gates.stored_global, 1, 1)

    def _gate(
        self, item: Instr, name: str, gate: Callable[..., None], depth: int, count: int
    ) -> list[Instr]:
        site = self._site(item, name)
        if site is None:
            return []
        # Callable, NULL and site lie above the first value by the time it is copied.
        copies = [Instr("COPY", depth + 3, location=item.location) for _ in range(count)]
        return gate_of(item, gate, [Instr("LOAD_CONST", site, location=item.location), *copies])

    def _site(self, item: Instr, name: str, step: Instr | None = None) -> Site | None:
        line = getattr(item.location, "lineno", 0) or 0
        file = self._code.co_filename
        base = os.path.basename(file)
        if self._wanted.ignore & {base, f"{base}:{line}", self._named, f"{self._named}:{line}"}:
            return None
        shown = _source(file, item) or name
        if step is not None:
            shown = f"for ... in {shown}"
        self._alike[shown] += 1
        place = Place(file, self._named, self._code.co_qualname, line)
        site = Site(place, name, shown, self._alike[shown])
        if item.name in ("LOAD_GLOBAL", "STORE_GLOBAL"):
            site.scope = self._scope
        return site

    def _is_of_a_module(self, lookup: int) -> bool:
        """Whether the method is a function of a module: nothing is kept for that."""
        before = self._items[lookup - 1]
        if not isinstance(before, Instr) or before.name != "LOAD_GLOBAL":
            return False
        name = str(before.arg[1] if isinstance(before.arg, tuple) else before.arg)
        return isinstance(self._scope.get(name), ModuleType)


#: instruction -> (gate, how many values it gets)
_OF_ATTRIBUTES: dict[str, tuple[Callable[..., None], int]] = {
    "LOAD_ATTR": (gates.loaded, 1),
    "LOAD_METHOD": (gates.loaded, 1),
    "STORE_ATTR": (gates.stored, 2),
    "DELETE_ATTR": (gates.deleted, 1),
}


def _attribute(item: Instr) -> str | None:
    if item.name not in _OF_ATTRIBUTES:
        return None
    return str(item.arg[1] if isinstance(item.arg, tuple) else item.arg)


#: Up to 3.12 these ask for the truth of what they get; from 3.13 on TO_BOOL does.
_BY_TRUTH = ("POP_JUMP_IF_", "POP_JUMP_FORWARD_IF_", "POP_JUMP_BACKWARD_IF_", "JUMP_IF_")
_GIVES_A_BOOL = frozenset({"COMPARE_OP", "CONTAINS_OP", "IS_OP", "UNARY_NOT"})


def _asks_for_truth(item: Instr, before: Sequence[Any]) -> bool:
    if _PY >= (3, 13):
        return item.name == "TO_BOOL"
    asks = item.name == "UNARY_NOT" or (item.name.startswith(_BY_TRUTH) and "NONE" not in item.name)
    return asks and not (before and getattr(before[-1], "name", "") in _GIVES_A_BOOL)


def _loops_over(items: Sequence[Any]) -> dict[int, int]:
    """From where the container of a loop is on the stack to the step of the loop, or its begin.

    That is before ``GET_ITER``, or, where the loop goes over ``d.items()`` and its like, where that
    method is looked up.
    """
    found: dict[int, int] = {}
    lookups = lookups_of_calls(items)
    for at, item in enumerate(items):
        if not isinstance(item, Instr) or item.name != "GET_ITER":
            continue
        step = at + 1
        while step < len(items) and isinstance(items[step], Label):
            step += 1
        if step == len(items) or getattr(items[step], "name", "") != "FOR_ITER":
            step = at  # a comprehension: its steps are elsewhere, so it is told of once
        call = at - 1 if _PY >= (3, 12) else at - 2
        lookup = lookups.get(call, -1)
        if lookup >= 0 and function_name(items[lookup]) in _NEW_EACH_TIME:
            continue
        of_view = lookup >= 0 and method_name(items[lookup]) in _VIEWS
        found[lookup if of_view else at] = step
    return found


def _source(file: str, item: Instr) -> str:
    """The source of an instruction that stands on one line, in short."""
    where = item.location
    if where is None or where.lineno is None or where.lineno != where.end_lineno:
        return ""
    line = linecache.getline(file, where.lineno).encode()
    text = line[where.col_offset : where.end_col_offset].decode(errors="replace")
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
