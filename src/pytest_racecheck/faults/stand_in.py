"""Puts a function of ours in front of any function or method, whoever holds it, and takes it away.

A Python function keeps its identity and gets other code for a while, so that names imported from
its module, bound methods and closures go through it as well.  What is written in C is replaced
where it is kept: in the modules, in its class, or in the dictionary of its type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pytest_racecheck.adapters.type_gates import replaced_methods, see_through
from pytest_racecheck.engine.failure import is_internal
from pytest_racecheck.faults.places import Place

#: Called with the real function and its arguments instead of it.
Dispatch = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
Undo = Callable[[], None]

#: Other names of the same operation, in the types of locks.
_ALSO = {
    "acquire": ("acquire_lock", "__enter__"),
    "release": ("release_lock", "__exit__"),
}
_MARK = "what is called instead"
#: On one line, so that a report shows the line where the function is defined.
_TEMPLATE = compile(
    f"def stand_in(*args, **kwargs): act = {_MARK!r}; return act(*args, **kwargs)", __file__, "exec"
).co_consts[0]


def put_in_front(place: Place, dispatch: Dispatch) -> Undo:
    """Let ``dispatch`` be called for what ``place`` names; returns what puts the real one back."""
    if place.is_immutable:  # first: under control its methods are functions of ours
        return _of_type(place, dispatch)
    if type(place.value) is FunctionType:
        return _of_function(place.value, dispatch)
    if isinstance(place.holder, ModuleType):
        return _of_modules(place, dispatch)
    return _of_class(place, dispatch)


def _of_function(function: FunctionType, dispatch: Dispatch) -> Undo:
    before = function.__code__
    real = FunctionType(
        before, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    real.__kwdefaults__ = function.__kwdefaults__
    real.__qualname__, real.__module__ = function.__qualname__, function.__module__

    def act(*args: Any, **kwargs: Any) -> Any:
        return dispatch(real, args, kwargs)

    function.__code__ = stand_in = _stand_in_code(act, before)

    def undo() -> None:
        # Whoever gave it another code meanwhile (the gates of a search) has put it back itself.
        if function.__code__ is stand_in:
            function.__code__ = before

    return undo


def _stand_in_code(act: Callable[..., Any], before: CodeType) -> CodeType:
    constants = tuple(act if one == _MARK else one for one in _TEMPLATE.co_consts)
    code: CodeType = _TEMPLATE.replace(
        co_consts=constants,
        co_freevars=before.co_freevars,
        co_filename=before.co_filename,
        co_firstlineno=before.co_firstlineno,
        co_name=before.co_name,
        co_qualname=before.co_qualname,
    )
    return code


def _stand_in(real: Callable[..., Any], dispatch: Dispatch) -> Callable[..., Any]:
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return dispatch(real, args, kwargs)

    stand_in.__name__ = getattr(real, "__name__", "stand_in")
    return stand_in


def _of_modules(place: Place, dispatch: Dispatch) -> Undo:
    """In every module that holds it, under whatever name."""
    real, other = place.value, _stand_in(place.value, dispatch)
    found: list[tuple[dict[str, Any], str]] = []
    for module in list(sys.modules.values()):
        held = getattr(module, "__dict__", None)
        if type(held) is dict and not is_kept(held):
            found += [(held, name) for name, value in list(held.items()) if value is real]
    for held, name in found:
        held[name] = other

    def undo() -> None:
        for held, name in found:
            if held.get(name) is other:
                held[name] = real

    return undo


def is_kept(held: dict[str, Any]) -> bool:
    """Whether these are the names of a module of ours, which goes on with the real thing."""
    name = str(held.get("__name__", ""))
    return name.startswith("pytest_racecheck.") and ".signalling" not in name


def _of_class(place: Place, dispatch: Dispatch) -> Undo:
    holder, name = place.holder, place.name
    had, before = name in vars(holder), vars(holder).get(name)
    setattr(holder, name, _stand_in(getattr(holder, name), dispatch))

    def undo() -> None:
        if had:
            setattr(holder, name, before)
        else:
            delattr(holder, name)

    return undo


def _of_type(place: Place, dispatch: Dispatch) -> Undo:
    """In the type's dictionary; only where the user's code calls it, for everybody has locks."""
    held = vars(place.holder)
    names = [name for name in (place.name, *_ALSO.get(place.name, ())) if name in held]
    gates = {name: _for_users(held[name], dispatch) for name in names}
    stack = ExitStack()
    stack.enter_context(replaced_methods(place.holder, gates))
    return stack.close


def _for_users(real: Callable[..., Any], dispatch: Dispatch) -> Callable[..., Any]:
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        filename = sys._getframe(1).f_code.co_filename
        if is_internal(filename) or "site-packages" in filename:
            return real(*args, **kwargs)
        return dispatch(real, args, kwargs)

    see_through(stand_in.__code__)
    return stand_in
