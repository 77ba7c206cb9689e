"""The gates before reads and writes of shared data: what the inserted calls call.

These functions run millions of times; each begins with the cheapest way out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    Callable,
    MutableMapping,
    MutableSequence,
    MutableSet,
)
from types import FunctionType, ModuleType
from typing import Any

from pytest_racecheck.engine import execution as _engine
from pytest_racecheck.engine.carrier import current_key
from pytest_racecheck.engine.looking import is_a
from pytest_racecheck.engine.unseen_code import in_class, runs_unseen

_CONTAINERS = (dict, list, set, deque, bytearray)
_IMMUTABLE = (str, bytes, tuple, range, frozenset, int, float, type(None), slice, type, ModuleType)
#: Containers written in Python, such as UserDict, WeakValueDictionary or a cache of a library.
_ABSTRACT = (MutableMapping, MutableSequence, MutableSet)
#: Modules of types whose attributes are read only, as far as they are written in C.
_CHANGELESS = frozenset({"builtins", "types", "datetime", "re", "_thread", "decimal", "greenlet"})

_NAMED: tuple[type[Any], ...] = (type, ModuleType)
_SHARED: tuple[type[Any], ...] = (*_CONTAINERS, *_ABSTRACT)


class Site:
    """One place in the code that reads or writes something: what, and on which line."""

    __slots__ = (
        *("done", "form", "key", "kind", "label", "line", "matters", "only", "part", "reads"),
        "scope",
    )

    def __init__(self, form: str, verb: str, key: Any, line: int, scope: Any = None) -> None:
        self.form = form  # attribute, item, slice, container, step, global, cell
        self.key = key
        self.label = f"{verb} {key}" if key else verb
        self.done = (self.label, None, None)
        self.reads = verb == "read"
        self.kind = "read" if self.reads else "write"
        self.part = key if form == "global" else None  # None: the whole object
        # Whether (the object, part, kind) is all that it touches.
        self.only = form in ("global", "cell")
        self.line = line
        self.scope = scope
        self.matters: dict[type, bool] = {}

    def shown_name(self, target: object, found: str) -> str:
        """What a report calls the thing touched; ``found`` is what the code calls the object."""
        if self.form == "attribute":
            owner = target.__name__ if is_a(target, _NAMED) else type(target).__name__
            return f"{owner}.{self.key}"
        return str(self.key) if self.form in ("global", "cell") else found


def access(site: Site, target: object) -> None:
    """A scheduling point before ``target`` is read or written at ``site``."""
    execution = _engine.active
    if execution is None:
        return
    task = execution.by_key.get(current_key())
    if task is None or task.doomed or (execution.current is not task and not task.outside):
        return
    matters = site.matters.get(type(target))
    if matters is None:
        matters = _classify(site, target)
    if not matters:
        return
    if execution.records_only:
        execution.touched_data(site, target, task.item_key)
        return
    task.pending = (site.label, target, site)
    execution.quiet = execution.quiet + 1 if site.reads else 0
    execution.advance(task)
    if execution.heard is not None:
        execution.heard(task)
    task.pending = site.done  # the object must not live longer because we remember it


def access_item(site: Site, target: object, key: object) -> None:
    """The same for ``target[key]``."""
    execution = _engine.active
    if execution is not None:
        task = execution.by_key.get(current_key())
        if task is not None:
            task.item_key = key
            access(site, target)


def access_global(site: Site) -> None:
    """The same for a name of a module."""
    access(site, site.scope)


def _classify(site: Site, target: object) -> bool:
    matters = _FORMS[site.form](site, target)
    # Whether a property has gates may change from search to search.
    of_class = in_class(type(target), site.key) if site.form == "attribute" else None
    if not is_a(target, (type, ModuleType)) and not isinstance(of_class, property):
        site.matters[type(target)] = matters
    return matters


def _attribute_matters(site: Site, target: object) -> bool:
    """Data does; methods, functions of a module, and properties that have gates do not."""
    if is_a(target, (ModuleType, type)):
        value = vars(target).get(site.key)
        return not site.reads or not (callable(value) or isinstance(value, ModuleType))
    for kind in type(target).__mro__:
        if site.key in vars(kind):
            found = vars(kind)[site.key]
            if isinstance(found, property):
                return runs_unseen("attribute", type(target), site.key)
            if isinstance(found, (FunctionType, classmethod, staticmethod)):
                return False
            made_as = type(found).__name__
            if (
                made_as == "getset_descriptor"
            ):  # of a type written in C: the value of a ctypes object
                return not site.reads or found.__objclass__.__module__ not in _CHANGELESS
            return made_as != "method_descriptor"
    return type(target).__dictoffset__ != 0


def _item_matters(_: Site, target: object) -> bool:
    """Also where ``__getitem__`` is Python: it may be that of a library without gates."""
    return not is_a(target, _IMMUTABLE)


def _container_matters(_: Site, target: object) -> bool:
    return is_a(target, _SHARED)


def _always(_: Site, __: object) -> bool:
    return True


_FORMS: dict[str, Callable[[Site, object], bool]] = {
    "attribute": _attribute_matters,
    "item": _item_matters,
    "slice": _item_matters,
    "container": _container_matters,
    "step": _always,  # who makes one has found out (iterators.py)
    "global": _always,
    "cell": _always,
}
