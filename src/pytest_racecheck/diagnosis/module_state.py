"""What an execution leaves behind in the modules under test: compared by name, two times."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from pytest_racecheck.engine.looking import own_dict

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_DEPTH, _ITEMS = 4, 50

Scopes = Mapping[str, Mapping[str, Any]]


def state_of(scopes: Scopes) -> dict[str, object]:
    """``module.name`` of every global, cache and class attribute, with a picture of its value."""
    return {name: _picture(value, _DEPTH) for name, value in _values(scopes)}


def pictures_of(things: Mapping[str, object]) -> dict[str, object]:
    """The same for things that have names already; less deep, for it is done for every test."""
    return {name: _picture(value, _DEPTH - 1) for name, value in things.items()}


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What is not in both the same."""
    names = sorted({*before, *after})
    return [name for name in names if before.get(name) != after.get(name)]


def caches_of(scopes: Scopes) -> list[str]:
    """Values that the modules keep from one execution to the next, made at the first call."""
    found = []
    for name, value in _values(scopes):
        if hasattr(value, "cache_info") and value.cache_info().currsize:
            found.append(f"the cache of {name}")
        kept = own_dict(value) or {}
        for attribute, made in vars(type(value)).items():
            if isinstance(made, functools.cached_property) and attribute in kept:
                found.append(f"the cached property {name}.{attribute}")
    return found


def _values(scopes: Scopes) -> Iterator[tuple[str, Any]]:
    for module, scope in scopes.items():
        short = module.rpartition(".")[2]
        for name, value in list(scope.items()):
            if name.startswith(("__", "@")) or isinstance(value, (ModuleType, FunctionType)):
                continue
            if isinstance(value, type):
                if value.__module__ == module:
                    own = [(k, v) for k, v in vars(value).items() if not k.startswith("__")]
                    yield from ((f"{short}.{name}.{k}", v) for k, v in own)
            else:
                yield f"{short}.{name}", value


def _picture(value: Any, depth: int) -> object:
    """Something to compare: plain values, what is in containers and objects; never an address."""
    if isinstance(value, _PLAIN):
        return (type(value).__name__, value)
    if isinstance(value, functools._lru_cache_wrapper):  # others may answer to any name
        return ("cache", tuple(value.cache_info()))
    if depth == 0:
        return type(value).__name__
    return _inside(value, depth - 1)


def _inside(value: Any, depth: int) -> object:
    if isinstance(value, dict):
        pairs = list(value.items())[:_ITEMS]
        return ("dict", [(_picture(k, depth), _picture(v, depth)) for k, v in pairs])
    if isinstance(value, (list, tuple)):
        return ("row", len(value), [_picture(one, depth) for one in value[:_ITEMS]])
    if isinstance(value, (set, frozenset)):
        return ("set", sorted(map(repr, value))[:_ITEMS] if _is_plain(value) else len(value))
    inside = own_dict(value)
    if inside is None or isinstance(value, (type, FunctionType, ModuleType)):
        return type(value).__name__
    named = sorted((str(k), v) for k, v in list(inside.items())[:_ITEMS])
    return (type(value).__name__, [(k, _picture(v, depth)) for k, v in named])


def _is_plain(values: set[Any] | frozenset[Any]) -> bool:
    return all(isinstance(one, _PLAIN) for one in values)
