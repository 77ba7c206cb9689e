"""Inserts calls to the access gates into the bytecode of functions: new code, same meaning.

Bytecode rather than tracing, because tracers and monitors fight with coverage and debuggers and do
not tell which object is touched (design 3.5).  ``x.n += 1`` gets a point before its read and one
before its write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

from bytecode import Bytecode, Instr
from bytecode.instr import CellVar, FreeVar

from pytest_racecheck.engine import opaque
from pytest_racecheck.engine.access import Site, access, access_global, access_item
from pytest_racecheck.engine.stored_names import StoredNames

_PY = sys.version_info[:2]
_LOAD_CELL = "LOAD_CLOSURE" if _PY < (3, 13) else "LOAD_FAST"

_WRITING_METHODS = frozenset(
    [
        *("append", "appendleft", "extend", "extendleft", "insert", "pop", "popleft", "popitem"),
        *("remove", "discard", "clear", "add", "update", "setdefault", "sort", "reverse", "rotate"),
        *("difference_update", "intersection_update", "symmetric_difference_update"),
        *("subtract", "move_to_end"),
    ]
)
_READING_METHODS = frozenset(
    ["get", "copy", "items", "keys", "values", "count", "index", "most_common"]
)

_METHOD_VERBS = dict.fromkeys(_WRITING_METHODS, "write") | dict.fromkeys(_READING_METHODS, "read")

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
    "CONTAINS_OP": ("container", "read", 1, access),
    "GET_ITER": ("container", "read", 1, access),
    "FOR_ITER": ("container", "read", 1, access),
}
_CELLS = {"LOAD_DEREF": "read", "STORE_DEREF": "write", "DELETE_DEREF": "write"}
_GLOBALS = {"LOAD_GLOBAL": "read", "STORE_GLOBAL": "write", "DELETE_GLOBAL": "write"}


def _below(extra: int, flags: bool = False) -> Callable[[Any], int]:
    """How deep under the arguments of a call its callee lies (or, of a method, the object)."""

    def depth(arg: Any) -> int:
        return extra + int(arg & 1 if flags else arg)

    return depth


#: instruction that calls -> depth of the callee.  Up to 3.12 the slot below it may be empty.
_CALLS: dict[str, Callable[[Any], int]] = {
    "PRECALL" if _PY < (3, 12) else "CALL": _below(1 if _PY < (3, 13) else 2),
    "CALL_KW": _below(3),
    "CALL_FUNCTION_EX": _below(2 if _PY < (3, 13) else 3, flags=True),
}


_GATES = (access, access_global, access_item, opaque.call, opaque.method)


def instrumented(code: CodeType, scope: dict[str, Any], stored: StoredNames) -> CodeType:
    """Return ``code`` with a gate before every access; functions inside it included.

    ``scope`` are the globals of its module.
    """
    bytecode = Bytecode.from_code(code)
    asserted = _makes_an_assertion_error(bytecode)
    out: list[Any] = []
    for at, item in enumerate(bytecode):
        if isinstance(item, Instr):
            if item.name in _CALLS and at not in asserted:
                _gate_before_call(item, out)
            if item.name == "LOAD_CONST" and isinstance(item.arg, CodeType):
                inner = instrumented(item.arg, scope, stored)
                item = Instr("LOAD_CONST", inner, location=item.location)
            else:
                out.extend(_gate_before(item, code, scope, stored))
        out.append(item)
    bytecode[:] = out
    return bytecode.to_code()


def _makes_an_assertion_error(items: Sequence[Any]) -> set[int]:
    """Where an ``assert`` calls AssertionError with its message, which touches nothing.

    Up to 3.12 the message lies where the object of a method would, and would count as called.
    """
    found: set[int] = set()
    last: int | None = None  # the last call of the message so far, the error's own in the end
    inside = False
    for at, item in enumerate(items):
        if not isinstance(item, Instr):
            continue
        if item.name == "LOAD_ASSERTION_ERROR":
            inside, last = True, None
        elif item.name == "RAISE_VARARGS":
            if inside and last is not None:
                found.add(last)
            inside = False
        elif item.name in _CALLS:
            last = at
    return found


def with_call_gates(code: CodeType) -> CodeType:
    """Return ``code`` with gates before its calls only."""
    bytecode = Bytecode.from_code(code)
    out: list[Any] = []
    for item in bytecode:
        if isinstance(item, Instr) and item.name in _CALLS:
            _gate_before_call(item, out)
        out.append(item)
    bytecode[:] = out
    return bytecode.to_code()


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
    method = _method_name(item)
    if method is not None:
        verb = _METHOD_VERBS.get(method)
        site = Site("container", verb or "", "", line)
        return _call(item, access, site, _copies(item, 1, 1)) if verb else []
    found = _ON_STACK.get(item.name)
    return [] if found is None else _gate_on_stack(item, line, *found)


def _gate_before_call(item: Instr, out: list[Any]) -> None:
    """Insert the gate behind ``out``, but before the names of keyword arguments are set."""
    below = _CALLS[item.name](item.arg) + _leaves_with(item, out)
    function = opaque.method if _is_gated_method(item, out) else opaque.call
    gate = _call_gate(item, below, function)
    at = len(out)
    if at and isinstance(out[-1], Instr) and out[-1].name == "KW_NAMES":
        at -= 1
    out[at:at] = gate


def _leaves_with(call: Instr, before: list[Any]) -> bool:
    """Whether this is the end of a ``with``, where up to 3.12 a None lies above the function."""
    if _PY >= (3, 13) or call.arg != 2 or len(before) < 3:
        return False
    return all(
        isinstance(i, Instr) and i.name == "LOAD_CONST" and i.arg is None for i in before[-3:]
    )


def _is_gated_method(call: Instr, before: list[Any]) -> bool:
    """Whether a method is called whose gate stands before it, with no other gate in between."""
    if call.name not in ("CALL", "PRECALL"):
        return False
    arguments: Any = call.arg
    for item in reversed(before):
        if not isinstance(item, Instr) or item.has_jump():
            return False
        if arguments == 0:
            return _method_name(item) in _METHOD_VERBS
        if item.name == "LOAD_CONST" and any(item.arg is gate for gate in _GATES):
            return False
        arguments -= item.stack_effect()
    return False


def _call_gate(item: Instr, depth: int, gate: Callable[..., None]) -> list[Instr]:
    where = item.location
    function = Instr("LOAD_CONST", gate, location=where)
    null = Instr("PUSH_NULL", location=where)
    calls = [Instr("CALL", 1, location=where)]
    if _PY < (3, 12):
        calls.insert(0, Instr("PRECALL", 1, location=where))
    head = [function, null] if _PY >= (3, 13) else [null, function]
    return [
        *head,
        Instr("COPY", depth + 2, location=where),
        *calls,
        Instr("POP_TOP", location=where),
    ]


def _gate_on_stack(
    item: Instr, line: int, form: str, verb: str, depth: int, gate: Callable[..., None]
) -> list[Instr]:
    key = _attribute(item) if form == "attribute" else ""
    copies = _copies(item, depth, 2 if gate is access_item else 1)
    return _call(item, gate, Site(form, verb, key, line), copies)


def _method_name(item: Instr) -> str | None:
    """The name when the instruction looks up a method in order to call it."""
    if item.name == "LOAD_METHOD":
        return str(item.arg)
    if item.name == "LOAD_ATTR" and isinstance(item.arg, tuple) and item.arg[0]:
        return str(item.arg[1])
    return None


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
