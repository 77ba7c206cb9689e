"""Where something is injected: the text that names a probe, a function or a method, looked up."""

from __future__ import annotations

import importlib
import inspect
import re
import threading
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

from pytest_racecheck.errors import Misplaced

BEFORE, AFTER = "before", "after"
_FORM = re.compile(r"(?P<module>[\w.]+):(?P<name>[\w.]+)(?::(?P<when>\w+))?\Z")
_HOW = 'write "package.module:Class.method", and :before or :after behind it if it matters'
_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE
#: What stands behind these names is made by a function of theirs and has no name of its own.
_MADE_BY = {
    id(threading.Lock): type(threading.Lock()),
    id(threading.RLock): type(threading.RLock()),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One place; ``holder`` is None for a probe.

    ``value`` is what is called, found as ``name`` in ``holder``, a module or a class.  ``of`` is
    the class or the object whose calls count, where others share the function.
    """

    where: str
    when: str
    holder: Any = None
    name: str = ""
    value: Any = None
    of: Any = None

    @property
    def is_probe(self) -> bool:
        """Whether it is a probe, which has no call to leave out or to repeat."""
        return self.holder is None

    @property
    def is_immutable(self) -> bool:
        """Whether the holder is a type that takes no new attributes."""
        return isinstance(self.holder, type) and bool(self.holder.__flags__ & _IMMUTABLE)


def find_place(where: object) -> Place:
    """The place that ``where`` names.

    ``"a probe"`` is a probe; ``"module:function"`` or ``"module:Class.method"``, with ``:before``
    (default) or ``:after``, is that function.  Raises Misplaced in one sentence.
    """
    if not isinstance(where, str) or not where.strip():
        raise Misplaced(f"where={where!r:.60}: expected a text; name a probe, or {_HOW}")
    if ":" not in where:
        return Place(where, BEFORE)
    form = _FORM.match(where)
    if form is None:
        raise Misplaced(f"where={where!r:.80}: that names no place; {_HOW}")
    when = form["when"] or BEFORE
    if when not in (BEFORE, AFTER):
        raise Misplaced(f"where={where!r:.80}: after the name comes :before or :after, not :{when}")
    return _looked_up(where, when, _module(where, form["module"]), form["name"].split("."))


def _module(where: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise Misplaced(
            f"where={where!r:.80}: module {name!r} cannot be imported "
            f"({type(error).__name__}: {error}); {_HOW}"
        ) from error


def _looked_up(where: str, when: str, module: ModuleType, names: list[str]) -> Place:
    holder: Any = module
    for name in names[:-1]:
        holder = _attribute(where, holder, name)
        holder = _MADE_BY.get(id(holder), holder)
    value = _attribute(where, holder, names[-1])
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, MethodType):
        return Place(where, when, type(holder), names[-1], value.__func__, value.__self__)
    refuse_what_cannot_be_called(where, value)
    if not isinstance(holder, (type, ModuleType)):  # an object with a function of its own
        raise Misplaced(f"where={where!r:.80}: {names[-1]!r} is no method of a class; {_HOW}")
    shared = isinstance(holder, type) and type(value) is FunctionType
    inherited = shared and vars(holder).get(names[-1]) is None
    return Place(where, when, holder, names[-1], value, holder if inherited else None)


def _attribute(where: str, holder: Any, name: str) -> Any:
    static = isinstance(holder, type)
    value = inspect.getattr_static(holder, name, _NOTHING) if static else _plain(holder, name)
    if value is _NOTHING:
        import difflib

        near = difflib.get_close_matches(name, dir(holder), 1)
        hint = f"did you mean {near[0]!r}?" if near else _HOW
        owner = getattr(holder, "__name__", type(holder).__name__)
        raise Misplaced(f"where={where!r:.80}: {owner} has no {name!r}; {hint}")
    return value


_NOTHING = object()


def _plain(holder: Any, name: str) -> Any:
    return getattr(holder, name, _NOTHING)


def refuse_what_cannot_be_called(where: str, value: Any) -> None:
    """Raise Misplaced for a class, a property or plain data."""
    if isinstance(value, type):
        raise Misplaced(f"where={where!r:.80}: that is a class; name its method, as in __init__")
    if isinstance(value, property):
        raise Misplaced(f"where={where!r:.80}: that is a property; name the function it calls")
    if not callable(value):
        kind = type(value).__name__
        raise Misplaced(f"where={where!r:.80}: that is of type {kind}, nothing to call; {_HOW}")
