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
import threading
from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import Any

from pytest_racecheck.engine.access import _SHARED
from pytest_racecheck.engine.dependence import ANYTHING, READ, WHOLE, WRITE
from pytest_racecheck.engine.looking import is_a
from pytest_racecheck.engine.operators import listener, looks_at
from pytest_racecheck.engine.under_test import has_gates

#: Modules whose every operation has a gate, or touches nothing that two tasks share.
_CONTROLLED = frozenset(
    """
    _thread threading queue _queue time concurrent.futures.thread concurrent.futures._base typing
    dataclasses enum abc pytest_racecheck
    """.split()  # noqa: SIM905 - a table of names
)
#: The same of whole packages; whose statements are operations, and say what they touch.
_CONTROLLED_PACKAGES = frozenset({__package__.partition(".")[0], "psycopg"})
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
_GOING_THROUGH = (len, list, tuple, iter, reversed, enumerate)
_ONE = frozenset(map(type, _GOING_THROUGH))
_EXACT = frozenset({list, dict, set, deque, bytearray})

_known: dict[Any, str | None] = {}


def call(callee: object) -> None:
    """Before a call: ``callee`` is what is called, or the object whose method is."""
    touched = listener()
    if touched is None:
        return
    kind = _kind(callee)
    if kind is not None:
        touched(ANYTHING, WHOLE, kind)


def call_of_one(callee: Any, argument: object) -> None:
    """Before a call with one argument, which may be all that is looked at."""
    if type(callee) in _ONE and callee in _GOING_THROUGH and type(argument) in _EXACT:
        looks_at(argument)
    else:
        call(callee)


def kept_writes(container: object, callee: object) -> None:
    """Before the call of a method that changes its object, which was looked up before."""
    _kept(container, callee, WRITE)


def kept_reads(container: object, callee: object) -> None:
    """The same of a method that changes nothing."""
    _kept(container, callee, READ)


def _kept(container: Any, callee: object, kind: str) -> None:
    if not is_a(container, _SHARED):
        call(callee)
        return
    touched = listener()
    if touched is not None:
        touched(container, WHOLE, kind)


def method(callee: object) -> None:
    """Before a call of a method that has a gate where its object is one of the containers."""
    of = callee.__objclass__ if type(callee) is MethodDescriptorType else type(callee)
    if not issubclass(of, _SHARED):
        call(callee)


def _kind(callee: Any) -> str | None:
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
    module = function.__module__ or ""
    ours = module in _CONTROLLED or module.partition(".")[0] in _CONTROLLED_PACKAGES
    return None if ours or has_gates(function.__code__) else WRITE


def _of_builtin(function: Any) -> str | None:
    if function.__name__ in _HARMLESS or function.__module__ in _CONTROLLED:
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
    if kind.__module__ in _CONTROLLED or kind.__module__.partition(".")[0] in _CONTROLLED_PACKAGES:
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
