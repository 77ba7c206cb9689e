"""Calls into code without gates: what they touch is not seen, so they may touch everything.

Only the reduction asks.  A call gate stands before every call in the code under test; it is no
scheduling point.  A callee with gates of its own, or one that is controlled elsewhere, is left
alone; one that only looks reads everything; any other writes everything.
"""

from __future__ import annotations

import builtins
import concurrent.futures.thread
import contextlib
import functools
import operator
import threading
from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import Any

from pytest_racecheck.engine import execution as _engine
from pytest_racecheck.engine import unseen_code
from pytest_racecheck.engine.access import _SHARED, Site, access
from pytest_racecheck.engine.dependence import ANYTHING, READ, WHOLE, WRITE
from pytest_racecheck.engine.iterators import is_iterator, step
from pytest_racecheck.engine.looking import is_a
from pytest_racecheck.engine.operators import PLAIN, listener, looks_at, looks_through
from pytest_racecheck.engine.owned_dicts import note_owner
from pytest_racecheck.engine.under_test import has_gates
from pytest_racecheck.engine.unseen_code import CONTROLLED, is_controlled, is_unseen

#: Built-in functions that touch none of the user's data.
_HARMLESS = frozenset(
    """
    isinstance issubclass type id callable range super object bool int float complex str bytes
    chr ord abs round divmod pow locals globals vars Exception
    """.split()  # noqa: SIM905 - a table of names
)
#: Built-in functions that only look at what they are given.
_LOOKING = frozenset(
    """
    len sum sorted min max any all list tuple set frozenset dict iter next reversed enumerate
    zip map filter repr hash format ascii getattr hasattr print
    """.split()  # noqa: SIM905 - a table of names
)
#: Functions of controlled modules that call what the user gave them, so their calls get gates too.
CALL_THE_USER: tuple[Any, ...] = (
    threading.Thread.run,
    threading.Timer.run,
    threading.Condition.wait_for,
    threading.Barrier._enter,  # type: ignore[attr-defined]
    threading.Barrier._release,  # type: ignore[attr-defined]
    concurrent.futures.thread._WorkItem.run,
    concurrent.futures.Future._invoke_callbacks,  # type: ignore[attr-defined]
    concurrent.futures.Future.add_done_callback,
)
#: Classes of the library whose instances touch nothing but themselves.
_HARMLESS_CLASSES = (functools.partial, contextlib.nullcontext, contextlib.suppress)
_PLAIN = (str, bytes, int, float, complex, bool, type(None), tuple, range, frozenset)

#: Called with one built-in container these go through it, and touch nothing else.
_GOING_THROUGH = (len, list, tuple, iter, reversed, enumerate, bool)
_LOOKS_AT_FIRST = frozenset(
    {*_GOING_THROUGH, sum, sorted, min, max, any, all, set, frozenset, dict, next}
)
_ONE = frozenset(map(type, _GOING_THROUGH))
#: Of a plain value they make another; of anything else, they read it with its items.
_OF_PLAIN = frozenset({str, bytes, int, float, complex})
_EXACT = frozenset({list, dict, set, deque, bytearray})

#: What reads or writes a part of its first argument, as an attribute or an item is.
_REFLECTING: dict[Any, str] = {
    **dict.fromkeys((getattr, hasattr, operator.getitem, object.__getattribute__), READ),
    **dict.fromkeys((setattr, delattr, operator.setitem, operator.delitem), WRITE),
    **dict.fromkeys((object.__setattr__, object.__delattr__), WRITE),
}
_ONE_OF_ITS_OWN = frozenset(map(type, _REFLECTING))

_known: dict[Any, str | None] = {}
_writing: dict[Site, Site] = {}


def call(callee: object) -> None:
    """Before a call: ``callee`` is what is called, or the object whose method is."""
    touched = listener()
    if touched is None:
        return
    kind = kind_of(callee)
    if kind is not None:
        touched(ANYTHING, WHOLE, kind)


def call_of_some(site: Site, callee: Any, first: object) -> None:
    """Before a call with arguments: a scheduling point when the first is a container looked at.

    A function that goes through an iterator moves it.
    """
    kind = _REFLECTING.get(callee) if type(callee) in _ONE_OF_ITS_OWN else None
    if kind is not None:
        _reflects(site, first, kind)
    elif type(callee) in _ONE and callee in _LOOKS_AT_FIRST and type(first) not in PLAIN:
        step(site, first)
        if callee in _GOING_THROUGH and type(first) in _EXACT:
            return  # which touches nothing else
    elif callee is vars:
        note_owner(first)
    elif is_iterator(first):
        looks_at(first)
    elif type(callee) is type and callee in _OF_PLAIN and type(first) not in PLAIN:
        looks_through(first)
    call(callee)


def _reflects(site: Site, target: object, kind: str) -> None:
    """``setattr`` and the like: some part of an object, whichever."""
    execution = _engine.active
    found = None if execution is None else _engine.controlled()
    if found is None or found[1].doomed:
        return
    if kind == WRITE:
        site = _writing.setdefault(site, Site("step", "write", "", site.line))
    found[1].item_key = [(target, WHOLE, kind)]
    access(site, target)
    found[1].item_key = None


def method_of_kept(site: Site, container: object, callee: object) -> None:
    """Before the call of a method that was looked up before its arguments came to be."""
    if is_a(container, _SHARED):
        access(site, container)
    else:
        call(callee)


def method(callee: object) -> None:
    """Before a call of a method that has a gate where its object is one of the containers."""
    of = callee.__objclass__ if type(callee) is MethodDescriptorType else type(callee)
    if not issubclass(of, _SHARED):
        call(callee)


def kind_of(callee: Any) -> str | None:
    """WRITE, READ, or None when the call touches nothing that has no gate."""
    callee = _unwrapped(callee)
    if type(callee) is FunctionType:
        return _of_function(callee)
    if type(callee) is BuiltinFunctionType:
        return _of_builtin(callee)
    if type(callee) is MethodDescriptorType:
        return _of_instance(callee.__objclass__)
    if not is_a(callee, type):
        return _of_instance(type(callee))
    of = callee
    if of not in _known:
        _known[of] = _of_class(of)
    return _known[of]


def _unwrapped(callee: Any) -> Any:
    """The function behind a bound method or a partial."""
    if type(callee) is MethodType:
        harmless = type(callee.__self__) in _HARMLESS_CLASSES
        callee = type(callee.__self__) if harmless else callee.__func__
    while type(callee) is functools.partial:
        callee = callee.func
    return callee


def _of_instance(of: type) -> str | None:
    """A method, or an object one of whose methods is called."""
    if issubclass(of, _SHARED):
        return WRITE
    if of in _PLAIN:
        return READ
    if of not in _known:
        _known[of] = _of_class(of)
    return _known[of]


def _of_function(function: FunctionType) -> str | None:
    return WRITE if is_unseen(function) else None


def _of_builtin(function: Any) -> str | None:
    if function.__name__ in _HARMLESS or function.__module__ in CONTROLLED:
        return None
    if function.__module__ == builtins.__name__:
        return READ if function.__name__ in _LOOKING else WRITE
    owner: Any = function.__self__
    if owner is None or type(owner) is ModuleType:
        return WRITE
    return _of_instance(type(owner))


def _of_class(of: type) -> str | None:
    """A class that is called, or whose instance has a method called."""
    if of.__name__ in _HARMLESS and of.__module__ == builtins.__name__:
        return None
    if of in _PLAIN or of in _HARMLESS_CLASSES or issubclass(of, BaseException):
        return None
    if issubclass(of, _SHARED):
        return READ
    return None if all(_is_ours(kind) for kind in of.__mro__ if kind is not object) else WRITE


def _is_ours(kind: type) -> bool:
    """Whether everything that an instance of this class itself can do has gates."""
    if is_controlled(kind.__module__):
        return True
    held = list(vars(kind).values())
    functions = [value for value in held if type(value) is FunctionType]
    is_python = kind.__module__ != builtins.__name__ and not any(
        type(value) is MethodDescriptorType for value in held
    )
    # A dataclass has functions made from text, which touch its own fields only.
    return is_python and all(
        has_gates(f.__code__) or f.__code__.co_filename == "<string>" for f in functions
    )


def forget() -> None:
    """What has gates is about to change."""
    _known.clear()
    unseen_code.forget()
