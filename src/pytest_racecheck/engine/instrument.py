"""Inserts calls to the access gates into the bytecode of functions: new code, same meaning.

Bytecode rather than tracing, because tracers and monitors fight with coverage and debuggers and do
not tell which object is touched (design 3.5).  ``x.n += 1`` gets a point before its read and one
before its write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from bytecode import Bytecode, Instr
from bytecode.instr import CellVar, FreeVar

from pytest_racecheck.engine.access import Site, access, access_global, access_item
from pytest_racecheck.engine.call_gates import METHOD_VERBS, Calls, method_name
from pytest_racecheck.engine.iterators import step
from pytest_racecheck.engine.operator_gates import before_operator
from pytest_racecheck.engine.stored_names import StoredNames
from pytest_racecheck.engine.under_test import GATES

_PY = sys.version_info[:2]
_LOAD_CELL = "LOAD_CLOSURE" if _PY < (3, 13) else "LOAD_FAST"

#: instruction -> (form, verb, depth of the object on the stack, gate)
_ON_STACK: dict[str, tuple[str, str, int, Callable[..., None]]] = {
    "LOAD_ATTR": ("attribute", "read", 1, access),
    "STORE_ATTR": ("attribute", "write", 1, access),
    "DELETE_ATTR": ("attribute", "write", 1, access),
    "BINARY_SUBSCR": ("item", "read", 2, access_item),
    "STORE_SUBSCR": ("item", "write", 2, access_item),
    "DELETE_SUBSCR": ("item", "write", 2, access_item),
    "BINARY_SLICE": ("slice", "read", 3, access),
    "STORE_SLICE": ("slice", "write", 3, access),
    "CONTAINS_OP": ("step", "read", 1, step),
    "GET_ITER": ("container", "read", 1, access),
    "GET_YIELD_FROM_ITER": ("container", "read", 1, access),
    "FOR_ITER": ("step", "read", 1, step),
    "SEND": ("step", "read", 2, step),
}
#: How many values lie on the stack at most when a gate is called: itself, NULL, site, object, key.
DEEPEST_GATE = 5
_CELLS = {"LOAD_DEREF": "read", "STORE_DEREF": "write", "DELETE_DEREF": "write"}
_GLOBALS = {"LOAD_GLOBAL": "read", "STORE_GLOBAL": "write", "DELETE_GLOBAL": "write"}


def instrumented(code: CodeType, scope: dict[str, Any], stored: StoredNames) -> CodeType:
    """Return ``code`` with a gate before every access; functions inside it included.

    ``scope`` are the globals of its module.
    """
    bytecode = _taken_apart(code)
    calls = Calls(code, bytecode)
    out: list[Any] = []
    for at, item in enumerate(bytecode):
        if isinstance(item, Instr):
            out.extend(before_operator(item, out))
            calls.insert_gate(at, item, out)
            if item.name == "LOAD_CONST" and isinstance(item.arg, CodeType):
                inner = instrumented(item.arg, scope, stored)
                item = Instr("LOAD_CONST", inner, location=item.location)
            elif not calls.keeps(at):
                out.extend(_gate_before(item, code, scope, stored))
            out.extend(calls.behind(at, item))
        out.append(item)
    return _put_together(bytecode, out, code)


def with_call_gates(code: CodeType) -> CodeType:
    """Return ``code`` with gates before its calls only."""
    bytecode = _taken_apart(code)
    calls = Calls(code, ())
    out: list[Any] = []
    for at, item in enumerate(bytecode):
        if isinstance(item, Instr):
            calls.insert_gate(at, item, out)
        out.append(item)
    return _put_together(bytecode, out, code)


def _taken_apart(code: CodeType) -> Bytecode:
    return Bytecode.from_code(code, conserve_exception_block_stackdepth=True)


def _put_together(bytecode: Bytecode, items: list[Any], code: CodeType) -> CodeType:
    """The code made of ``items``; ``bytecode`` is what ``code`` was.

    A gate leaves the stack as it was, so what the compiler found out about its depth still holds;
    to find it out again is most of the time that it takes to instrument a function.
    """
    bytecode[:] = items
    made = bytecode.to_code(
        stacksize=code.co_stacksize + DEEPEST_GATE, compute_exception_stack_depths=False
    )
    return made.replace(co_consts=(*made.co_consts, GATES))


def _gate_before(
    item: Instr, code: CodeType, scope: dict[str, Any], stored: StoredNames
) -> list[Instr]:
    line = getattr(item.location, "lineno", 0) or 0
    if item.name in _GLOBALS:
        key = item.arg[1] if isinstance(item.arg, tuple) else item.arg
        site = Site("global", _GLOBALS[item.name], key, line, scope)
        if not stored.rebinds_global(code.co_filename, str(key)):
            return []
        return _call(item, access_global, site, [])
    if item.name in _CELLS:
        assert isinstance(item.arg, (CellVar, FreeVar))
        site = Site("cell", _CELLS[item.name], item.arg.name, line)
        cell = [Instr(_LOAD_CELL, item.arg, location=item.location)]
        return _call(item, access, site, cell) if stored.rebinds_cell(code, item.arg) else []
    method = method_name(item)
    if method is not None:
        verb = METHOD_VERBS.get(method)
        site = Site("container", verb or "", "", line)
        return _call(item, access, site, _copies(item, 1, 1)) if verb else []
    found = _ON_STACK.get(item.name)
    return [] if found is None else _gate_on_stack(item, line, *found)


def _gate_on_stack(
    item: Instr, line: int, form: str, verb: str, depth: int, gate: Callable[..., None]
) -> list[Instr]:
    key = _attribute(item) if form == "attribute" else ""
    copies = _copies(item, depth, 2 if gate is access_item else 1)
    return _call(item, gate, Site(form, verb, key, line), copies)


def _attribute(item: Instr) -> str:
    return str(item.arg[1] if isinstance(item.arg, tuple) else item.arg)


def _copies(item: Instr, depth: int, count: int) -> list[Instr]:
    # Three values (callable, NULL, site) lie above the object by the time it is copied.
    return [Instr("COPY", depth + 3, location=item.location) for _ in range(count)]


def _call(item: Instr, gate: Callable[..., None], site: Site, args: list[Instr]) -> list[Instr]:
    where = item.location
    function = Instr("LOAD_CONST", gate, location=where)
    null = Instr("PUSH_NULL", location=where)
    count = len(args) + 1
    calls = [Instr("CALL", count, location=where)]
    if _PY < (3, 12):
        calls.insert(0, Instr("PRECALL", count, location=where))
    head = [function, null] if _PY >= (3, 13) else [null, function]
    return [
        *head,
        Instr("LOAD_CONST", site, location=where),
        *args,
        *calls,
        Instr("POP_TOP", location=where),
    ]
