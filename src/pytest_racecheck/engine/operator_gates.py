"""Before which instructions the interpreter's own reads of containers are noted, and of what."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from bytecode import Instr

from pytest_racecheck.engine import operators
from pytest_racecheck.engine.access import Site

_PY = sys.version_info[:2]

#: instruction -> (gate, depth on the stack of what it gets, how many)
_GATED: dict[str, tuple[Callable[..., None], int, int]] = {
    "COMPARE_OP": (operators.compares, 2, 2),
    "UNPACK_SEQUENCE": (operators.looks_at, 1, 1),
    "UNPACK_EX": (operators.looks_at, 1, 1),
    "LIST_EXTEND": (operators.looks_at, 1, 1),
    "SET_UPDATE": (operators.looks_at, 1, 1),
    "DICT_UPDATE": (operators.looks_at, 1, 1),
    "DICT_MERGE": (operators.looks_at, 1, 1),
    "FORMAT_SIMPLE": (operators.looks_through, 1, 1),
    "FORMAT_WITH_SPEC": (operators.looks_through, 2, 1),
    "CONVERT_VALUE": (operators.looks_through, 1, 1),
    "TO_BOOL": (operators.looks_at, 1, 1),
    "STORE_SLICE": (operators.looks_at, 4, 1),
    "GET_LEN": (operators.looks_at, 1, 1),
    "MATCH_CLASS": (operators.looks_at_parts, 3, 1),
    "MATCH_KEYS": (operators.looks_at, 2, 1),
}
#: Up to 3.12 these ask for the truth of what they get; from 3.13 on they get a bool.
_BY_TRUTH = ("POP_JUMP_IF_", "POP_JUMP_FORWARD_IF_", "POP_JUMP_BACKWARD_IF_", "JUMP_IF_")
_GIVES_A_BOOL = frozenset({"COMPARE_OP", "CONTAINS_OP", "IS_OP", "UNARY_NOT"})
_TIMES = ("MULTIPLY", "INPLACE_MULTIPLY")


def before_operator(item: Instr, before: list[Any]) -> list[Instr]:
    """The gate of an instruction that reads containers by itself; nothing for any other."""
    found = _GATED.get(item.name)
    if found is None:
        found = _BY_NAME.get(item.name, _by_prefix)(item, before)
    elif item.name == "COMPARE_OP" and _last_is_plain(before):
        return []
    if found is None:
        return []
    gate, depth, count = found
    where = item.location
    sites: list[Instr] = []
    if gate is operators.adds:
        line = getattr(where, "lineno", 0) or 0
        sites = [Instr("LOAD_CONST", Site("container", "write", "", line), location=where)]
    copies = [Instr("COPY", depth + 2 + len(sites), location=where) for _ in range(count)]
    return gate_of(item, gate, [*sites, *copies])


_Gate = tuple[Callable[..., None], int, int]


def _binary(item: Instr, before: list[Any]) -> _Gate | None:
    name: str = item.arg.name  # type: ignore[union-attr]
    if _last_is_plain(before) and name not in _TIMES:
        return None  # nothing but a number or a text can be added to one
    return (operators.adds if name.startswith("INPLACE") else operators.joins), 2, 2


def _format(item: Instr, _: list[Any]) -> _Gate | None:
    with_spec = int(bool(item.arg & 4))  # type: ignore[operator]
    return operators.looks_through, 1 + with_spec, 1


def _spread(item: Instr, _: list[Any]) -> _Gate | None:
    with_names = int(bool(item.arg & 1))  # type: ignore[operator]
    return operators.looks_at, 1 + with_names, 1


def _into_slice(_: Instr, before: list[Any]) -> _Gate | None:
    last = before[-1] if before else None
    built = isinstance(last, Instr) and last.name == "BUILD_SLICE"
    return (operators.looks_at, 3, 1) if built else None


def _not(_: Instr, before: list[Any]) -> _Gate | None:
    return None if _PY >= (3, 13) or _is_bool(before) else (operators.looks_at, 1, 1)


def _by_prefix(item: Instr, before: list[Any]) -> _Gate | None:
    if _PY >= (3, 13) or not item.name.startswith(_BY_TRUTH) or "NONE" in item.name:
        return None
    return None if _is_bool(before) else (operators.looks_at, 1, 1)


_BY_NAME: dict[str, Callable[[Instr, list[Any]], _Gate | None]] = {
    "BINARY_OP": _binary,
    "FORMAT_VALUE": _format,
    "CALL_FUNCTION_EX": _spread,
    "STORE_SUBSCR": _into_slice,
    "UNARY_NOT": _not,
}


def _last_is_plain(before: list[Any]) -> bool:
    last = before[-1] if before else None
    return (
        isinstance(last, Instr) and last.name == "LOAD_CONST" and type(last.arg) in operators.PLAIN
    )


def _is_bool(before: list[Any]) -> bool:
    return bool(before) and isinstance(before[-1], Instr) and before[-1].name in _GIVES_A_BOOL


def gate_of(item: Instr, gate: Callable[..., None], arguments: list[Instr]) -> list[Instr]:
    """The call of a gate before ``item``; two values lie on the stack below its arguments."""
    where, count = item.location, len(arguments)
    function = Instr("LOAD_CONST", gate, location=where)
    null = Instr("PUSH_NULL", location=where)
    calls = [Instr("CALL", count, location=where)]
    if _PY < (3, 12):
        calls.insert(0, Instr("PRECALL", count, location=where))
    return [
        *([function, null] if _PY >= (3, 13) else [null, function]),
        *arguments,
        *calls,
        Instr("POP_TOP", location=where),
    ]
