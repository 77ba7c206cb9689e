"""Stand-ins for built-in functions wherever code keeps them: modules, classes, defaults, closures.

``from time import sleep`` binds a name, ``def retry(pause=sleep)`` a default, ``self.now = time``
an attribute; a function replaced in ``time`` alone would go on being called from all of them.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any

from pytest_racecheck.adapters.holders import Holders
from pytest_racecheck.adapters.type_gates import forget_lookups
from pytest_racecheck.engine.looking import own_dict

#: Where the real functions stay: the engine itself, and the adapters that stand in for them.
_KEEPS = ("pytest_racecheck.engine", "pytest_racecheck.adapters")

Pairs = list[tuple[Callable[..., Any], Callable[..., Any]]]


@contextmanager
def stand_ins(pairs: Pairs, found: Holders) -> Iterator[None]:
    """Let each second function of a pair take the place of the first one while entered.

    ``found`` is who holds the first ones.
    """
    swap = {id(real): stand_in for real, stand_in in pairs}
    undo: list[Callable[[], None]] = []
    try:
        _replace_in_all(found, {id(pair) for pair in pairs}, swap, undo)
        del found
        yield
    finally:
        while undo:
            undo.pop()()


def _replace_in_all(
    found: Holders, ours: set[int], swap: Mapping[int, Any], undo: list[Callable[[], None]]
) -> None:
    for holder in found.all:
        _replace_in(holder, swap, undo)
    tuples = [one for one in found.all if type(one) is tuple and id(one) not in ours]
    tuples = [one for one in tuples if any(id(value) in swap for value in one)]
    for function in _with_defaults(tuples):
        _put_into_defaults(function, swap, undo)


#: The functions with these defaults, by the tuple, which is kept so that its number stays its own.
_known_defaults: dict[int, tuple[tuple[Any, ...], list[weakref.ref[FunctionType]]]] = {}


def _with_defaults(tuples: list[tuple[Any, ...]]) -> list[FunctionType]:
    """The functions whose defaults are among ``tuples``; new ones are looked for once."""
    for number, (_, refs) in list(_known_defaults.items()):
        if refs and not any(ref() for ref in refs):
            del _known_defaults[number]
    fresh = [one for one in tuples if id(one) not in _known_defaults]
    for one in fresh:
        _known_defaults[id(one)] = (one, [])
    for holder in gc.get_referrers(*fresh) if fresh else ():
        if type(holder) is FunctionType and id(holder.__defaults__) in _known_defaults:
            _known_defaults[id(holder.__defaults__)][1].append(weakref.ref(holder))
    found = [ref() for one in tuples for ref in _known_defaults[id(one)][1]]
    return [function for function in found if function is not None]


def _replace_in(holder: Any, swap: Mapping[int, Any], undo: list[Callable[[], None]]) -> None:
    if type(holder) is CellType:
        if id(holder.cell_contents) in swap:
            _put_into_cell(holder, swap[id(holder.cell_contents)], undo)
    elif type(holder) is not tuple:
        entries = holder if type(holder) is dict else own_dict(holder)
        if entries is not None and not issubclass(type(holder), type):
            _put_into_dict(entries, swap, undo)


def _put_into_cell(cell: CellType, stand_in: Any, undo: list[Callable[[], None]]) -> None:
    real = cell.cell_contents
    undo.append(lambda: setattr(cell, "cell_contents", real))
    cell.cell_contents = stand_in


def _put_into_defaults(
    function: FunctionType, swap: Mapping[int, Any], undo: list[Callable[[], None]]
) -> None:
    before = function.__defaults__
    kept = str(function.__module__).startswith(_KEEPS)
    if before is not None and not kept and any(id(value) in swap for value in before):
        undo.append(lambda: setattr(function, "__defaults__", before))
        function.__defaults__ = tuple(swap.get(id(value), value) for value in before)


_known_classes: weakref.WeakValueDictionary[int, type] = weakref.WeakValueDictionary()


def _classes_of(entries: dict[Any, Any]) -> list[type]:
    if "__module__" not in entries or "__name__" in entries:
        return []  # of a module or an object
    slot = entries.get("__dict__") or entries.get("__weakref__")
    for owner in (getattr(slot, "__objclass__", None), _known_classes.get(id(entries))):
        if isinstance(owner, type) and any(one is entries for one in gc.get_referents(owner)):
            return [owner]
    owners = [owner for owner in gc.get_referrers(entries) if isinstance(owner, type)]
    _known_classes.update((id(entries), owner) for owner in owners)
    return owners


def _put_into_dict(
    entries: dict[Any, Any], swap: Mapping[int, Any], undo: list[Callable[[], None]]
) -> None:
    if str(entries.get("__name__", "")).startswith(_KEEPS):
        return
    found = {key: value for key, value in list(entries.items()) if id(value) in swap}
    if not found:
        return
    owners = _classes_of(entries)

    def fill(values: dict[Any, Any]) -> None:
        entries.update(values)
        for owner in owners:  # the interpreter remembers attributes of classes where they are used
            forget_lookups(owner)

    undo.append(lambda: fill(found))
    fill({key: swap[id(value)] for key, value in found.items()})
