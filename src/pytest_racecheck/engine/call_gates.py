"""Which calls get a gate that asks what is called, and what of it the reduction need not ask.

A method of a container has a gate where it is looked up.  When its arguments come to operations of
their own meanwhile, the container is kept in a variable until the call, and has its gate there.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

from bytecode import Instr

from pytest_racecheck.engine import opaque, operators
from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.operator_gates import gate_of

_PY = sys.version_info[:2]

_WRITING_METHODS = frozenset(
    [
        *("append", "appendleft", "extend", "extendleft", "insert", "pop", "popleft", "popitem"),
        *("remove", "discard", "clear", "add", "update", "setdefault", "sort", "reverse", "rotate"),
        *("difference_update", "intersection_update", "symmetric_difference_update"),
        *("subtract", "move_to_end", "__setitem__", "__delitem__"),
    ]
)
_READING_METHODS = frozenset(
    [
        *("get", "copy", "items", "keys", "values", "count", "index", "most_common"),
        *("__getitem__", "__contains__", "__iter__", "__len__"),
    ]
)
#: What they are given is gone through at the same time.
_TAKING_IN = frozenset(
    [
        *("extend", "extendleft", "update", "subtract", "difference_update"),
        *("intersection_update", "symmetric_difference_update"),
    ]
)
METHOD_VERBS = dict.fromkeys(_WRITING_METHODS, "write") | dict.fromkeys(_READING_METHODS, "read")


def _below(extra: int, flags: bool = False) -> Callable[[Any], int]:
    """How deep under the arguments of a call its callee lies (or, of a method, the object)."""

    def depth(arg: Any) -> int:
        return extra + int(arg & 1 if flags else arg)

    return depth


_CALL = "PRECALL" if _PY < (3, 12) else "CALL"
#: Those whose arguments lie on the stack one by one.
_ONE_BY_ONE = (_CALL, "CALL_KW")
#: instruction that calls -> depth of the callee.  Up to 3.12 the slot below it may be empty.
_CALLS: dict[str, Callable[[Any], int]] = {
    _CALL: _below(1 if _PY < (3, 13) else 2),
    "CALL_KW": _below(3),
    "CALL_FUNCTION_EX": _below(2 if _PY < (3, 13) else 3, flags=True),
}


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


class Calls:
    """The calls of a function; of methods of containers also where they are looked up."""

    def __init__(self, code: CodeType, items: Sequence[Any]) -> None:
        self._asserted = _makes_an_assertion_error(items)
        self._lookup: dict[int, int] = {}  # of a method, by the place of the call
        self._name: dict[int, str] = {}
        self._kept: set[int] = set()  # lookups whose object is kept
        variables = bool(code.co_flags & inspect.CO_OPTIMIZED)  # of its own, not a module's
        for at, item in enumerate(items):
            place = (
                _lookup_of(items, at) if isinstance(item, Instr) and item.name == _CALL else None
            )
            if place is not None:
                self._lookup[at], self._name[at] = place, method_name(items[place]) or ""
                if variables and not all(_is_quiet(between) for between in items[place + 1 : at]):
                    self._kept.add(place)

    def behind(self, at: int, item: Instr) -> list[Instr]:
        """Before the lookup of a method, and behind its gate: keep the object until the call."""
        if at not in self._kept:
            return []
        where = item.location
        return [Instr("COPY", 1, location=where), Instr("STORE_FAST", _kept_in(at), location=where)]

    def keeps(self, at: int) -> bool:
        """Whether the method looked up there has its gate where it is called."""
        return at in self._kept

    def insert_gate(self, at: int, item: Instr, out: list[Any]) -> None:
        """Insert the gate of a call behind ``out``, but before the names of keyword arguments."""
        if item.name not in _CALLS or at in self._asserted:
            return
        below = _CALLS[item.name](item.arg) + _leaves_with(item, out)
        end = len(out)
        if end and isinstance(out[-1], Instr) and out[-1].name == "KW_NAMES":
            end -= 1
        place = self._lookup.get(at)
        if place is None:
            gate = _gate(item, below)
        elif place not in self._kept:
            gate = [*_taken_in(item, self._name[at]), *_gate(item, below, opaque.method)]
        else:
            gate = [
                *_taken_in(item, self._name[at]),
                *_kept_gate(item, below, place, self._name[at]),
            ]
        out[end:end] = gate


def method_name(item: Instr) -> str | None:
    """The name when the instruction looks up a method in order to call it."""
    if item.name == "LOAD_METHOD":
        return str(item.arg)
    if item.name == "LOAD_ATTR" and isinstance(item.arg, tuple) and item.arg[0]:
        return str(item.arg[1])
    return None


def _lookup_of(items: Sequence[Any], call: int) -> int | None:
    """Where the method of a container that is called is looked up."""
    arguments: Any = items[call].arg
    for at in range(call - 1, -1, -1):
        item = items[at]
        if not isinstance(item, Instr) or item.has_jump():
            return _lookup_in_source(items, call)
        if arguments == 0:
            return at if method_name(item) in METHOD_VERBS else None
        arguments -= item.stack_effect()
    return None


def _lookup_in_source(items: Sequence[Any], call: int) -> int | None:
    """The same where a jump lies in between: both begin at the same place of the source."""
    where = items[call].location
    if where is None or where.col_offset is None:
        return None
    begin, end = (where.lineno, where.col_offset), (where.end_lineno, where.end_col_offset)
    for at in range(call - 1, -1, -1):
        item = items[at]
        if not isinstance(item, Instr) or item.location is None:
            continue
        there = item.location
        if (there.lineno, there.col_offset) != begin:
            continue
        if item.name in _CALLS and (there.end_lineno, there.end_col_offset) < end:
            return None  # f(...)(...): what is called is no method
        if method_name(item) is not None:
            return at if method_name(item) in METHOD_VERBS else None
    return None


def _is_quiet(item: Instr) -> bool:
    """Whether no operation of another kind comes between a lookup and its call."""
    return item.name.startswith(("LOAD_FAST", "LOAD_CONST", "BUILD_", "PUSH_NULL", "KW_NAMES"))


def _kept_in(place: int) -> str:
    return f"@container{place}"  # no name of the user's; reports leave such names out


def _gate(item: Instr, below: int, function: Callable[..., None] | None = None) -> list[Instr]:
    where = item.location
    callee = Instr("COPY", below + 2, location=where)
    count: Any = item.arg if item.name in _ONE_BY_ONE else 0
    if function is not None or not count:
        return gate_of(item, function or opaque.call, [callee])
    names = item.name == "CALL_KW"  # which lie above the arguments
    site = Instr("LOAD_CONST", Site("step", "read", "", _line(item)), location=where)
    callee = Instr("COPY", below + 3, location=where)
    first = Instr("COPY", count + names + 4, location=where)
    return gate_of(item, opaque.call_of_some, [site, callee, first])


def _taken_in(item: Instr, name: str) -> list[Instr]:
    """What a method is given and goes through."""
    count: Any = item.arg if name in _TAKING_IN else 0
    looks = [
        gate_of(item, operators.looks_at, [Instr("COPY", depth + 2, location=item.location)])
        for depth in range(1, count + 1)
    ]
    return [instr for look in looks for instr in look]


def _kept_gate(item: Instr, below: int, place: int, name: str) -> list[Instr]:
    where, variable = item.location, _kept_in(place)
    site = Instr(
        "LOAD_CONST", Site("container", METHOD_VERBS[name], "", _line(item)), location=where
    )
    kept = Instr("LOAD_FAST", variable, location=where)
    callee = Instr("COPY", below + 4, location=where)
    return [
        *gate_of(item, opaque.method_of_kept, [site, kept, callee]),
        Instr("DELETE_FAST", variable, location=where),
    ]


def _line(item: Instr) -> int:
    return getattr(item.location, "lineno", 0) or 0


def _leaves_with(call: Instr, before: list[Any]) -> bool:
    """Whether this is the end of a ``with``, where up to 3.12 a None lies above the function."""
    if _PY >= (3, 13) or call.arg != 2 or len(before) < 3:
        return False
    return all(
        isinstance(i, Instr) and i.name == "LOAD_CONST" and i.arg is None for i in before[-3:]
    )
