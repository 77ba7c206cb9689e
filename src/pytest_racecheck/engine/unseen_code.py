"""Which functions and which operations on an object run Python code that has no gates."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from pytest_racecheck.engine.under_test import has_gates

#: Modules whose every operation has a gate, or touches nothing that two tasks share.
CONTROLLED = frozenset(
    """
    _thread threading queue _queue time concurrent.futures.thread concurrent.futures._base typing
    dataclasses enum abc pytest_racecheck
    """.split()  # noqa: SIM905 - a table of names
)
#: The same of whole packages; psycopg's statements are operations, and say what they touch.
_PACKAGES = frozenset({__package__.partition(".")[0], "psycopg"})
#: What the interpreter calls for an operation of a form on an object; for attributes see below.
_METHODS = {
    "item": ("__getitem__", "__setitem__", "__delitem__"),
    "slice": ("__getitem__", "__setitem__", "__delitem__"),
    "step": ("__contains__", "__iter__", "__len__", "__bool__"),
}

_known: dict[tuple[str, type, str], bool] = {}


def is_unseen(function: FunctionType) -> bool:
    """Whether what it reads and writes is not seen by anybody."""
    return not is_controlled(function.__module__ or "") and not has_gates(function.__code__)


def is_controlled(module: str) -> bool:
    """Whether what this module does is seen in another way."""
    return module in CONTROLLED or module.partition(".")[0] in _PACKAGES


def runs_unseen(form: str, kind: type, key: str) -> bool:
    """Whether an operation on an instance of ``kind`` runs such a function.

    ``key`` is the name of an attribute, which may be a property.
    """
    known = _known.get((form, kind, key))
    if known is None:
        known = _known[form, kind, key] = any(map(is_unseen, _functions(form, kind, key)))
    return known


def _functions(form: str, kind: type, key: str) -> list[FunctionType]:
    found: list[Any] = []
    if form == "attribute":
        of_class = in_class(kind, key)
        if isinstance(of_class, property):
            found = [of_class.fget, of_class.fset, of_class.fdel]
    elif form == "container":  # a method of it, whichever
        found = [value for owner in kind.__mro__ for value in vars(owner).values()]
    else:
        found = [in_class(kind, name) for name in _METHODS.get(form, ())]
    return [function for function in found if isinstance(function, FunctionType)]


def in_class(kind: type, name: str) -> object:
    """What the class, or one it is made of, has under this name; None when there is nothing."""
    return next((vars(owner)[name] for owner in kind.__mro__ if name in vars(owner)), None)


def forget() -> None:
    """What has gates is about to change."""
    _known.clear()
