"""A step of an iterator: the gate before it, and what it touches besides the iterator itself."""

from __future__ import annotations

import gc
import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable
from types import FunctionType, GeneratorType
from typing import Any

from pytest_racecheck.engine import execution as _engine
from pytest_racecheck.engine.access import _SHARED, Site, access
from pytest_racecheck.engine.carrier import current_key
from pytest_racecheck.engine.dependence import ANYTHING, READ, WHOLE, WRITE, Touches
from pytest_racecheck.engine.looking import is_a
from pytest_racecheck.engine.under_test import has_gates

#: How deep iterators may lie in one another; behind that, anything may be touched.
_DEEPEST = 8


def _types(*iterators: Iterable[Any]) -> frozenset[type]:
    return frozenset(map(type, iterators))


_DICT: dict[Any, Any] = {}
#: Going through these touches nothing but the iterator, which only its own holders know.
_OF_NOTHING_SHARED = _types(iter(()), iter(""), iter(b""), iter(range(0)), iter(range(1 << 99)))
#: They refer to the container that they go through, as long as something is left of it.
_OF_ONE = _types(
    *(iter([]), reversed([]), iter(set()), iter(bytearray()), iter(deque()), reversed(deque())),
    *(iter(_DICT), iter(_DICT.values()), iter(_DICT.items()), iter(OrderedDict())),
    *(reversed(_DICT), reversed(_DICT.values()), reversed(_DICT.items())),
)
#: They refer to their dictionary.
_VIEWS = _types(
    *(_DICT.keys(), _DICT.values(), _DICT.items()),
    *(OrderedDict().keys(), OrderedDict().values(), OrderedDict().items()),
)
#: They refer to the iterators that they step, and to the function that they call.
_OF_OTHERS = frozenset(
    {enumerate, zip, map, filter, reversed}
    | {kind for kind in vars(itertools).values() if isinstance(kind, type)}
)


def step(site: Site, target: Any) -> None:
    """A scheduling point before ``target`` is stepped, or looked into, when that reads a container.

    One that runs code without gates is none, as no call of such code is; only the reduction hears.
    """
    execution = _engine.active
    if execution is None or (type(target) in _OF_NOTHING_SHARED and execution.touched is None):
        return
    task = execution.by_key.get(current_key())
    if task is None or task.doomed:
        return
    touched = touches_of(target)
    container = next((thing for thing, _, kind in touched if kind == READ), None)
    if container is not None and container is not ANYTHING:
        task.item_key = touched
        access(site, container)
        task.item_key = None
    elif execution.touched is not None:
        for one in touched:
            execution.touched(*one)


def is_iterator(value: object) -> bool:
    """Whether it moves when it is gone through."""
    return hasattr(type(value), "__next__")


def touches_of(target: Any, depth: int = 0) -> Touches:
    """What it touches to take the next item of an iterator, or to look through a container."""
    kind = type(target)
    if kind in _VIEWS:
        return [(thing, WHOLE, READ) for thing in gc.get_referents(target)]
    if not is_iterator(target):
        return [(target, WHOLE, READ)] if is_a(target, _SHARED) else []
    if kind in _OF_ONE or kind in _OF_NOTHING_SHARED:
        below = [thing for thing in gc.get_referents(target) if is_a(thing, _SHARED)]
        return [(target, WHOLE, WRITE), *((thing, WHOLE, READ) for thing in below)]
    if kind in _OF_OTHERS and depth < _DEEPEST:
        found: Touches = [(target, WHOLE, WRITE)]
        for below in _flat(gc.get_referents(target)):
            found += _below(below, depth + 1)
        return found
    return _of_code(target)


def _of_code(target: Any) -> Touches:
    """Of a generator, or an object whose ``__next__`` is written by somebody."""
    if type(target) is GeneratorType and has_gates(target.gi_code):
        return [(target, WHOLE, WRITE)]
    own = getattr(type(target), "__next__", None)
    if type(own) is FunctionType and has_gates(own.__code__):
        return []  # what it does has gates of its own
    return [(ANYTHING, WHOLE, WRITE)]


def _flat(things: Iterable[Any]) -> list[Any]:
    return [one for thing in things for one in (thing if type(thing) is tuple else (thing,))]


def _below(thing: Any, depth: int) -> Touches:
    if is_iterator(thing) or type(thing) in _OF_OTHERS or is_a(thing, _SHARED):
        return touches_of(thing, depth)
    if not callable(thing):
        return []
    from pytest_racecheck.engine import opaque  # which asks here what a call goes through

    kind = opaque.kind_of(thing)
    return [] if kind is None else [(ANYTHING, WHOLE, kind)]
