"""What the interpreter itself does with containers: truth, comparison, unpacking, text, sums.

Only a change in place is a scheduling point; the rest belongs to the operation before it, and only
the reduction asks, which has to know all that an operation touches (opaque.py: the same of calls).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from pytest_racecheck.engine import execution as _engine
from pytest_racecheck.engine.access import _SHARED, Site, access
from pytest_racecheck.engine.dependence import ANYTHING, READ, WHOLE
from pytest_racecheck.engine.iterators import is_iterator, touches_of
from pytest_racecheck.engine.looking import is_a

#: What is in them cannot change.
PLAIN = frozenset({str, bytes, int, float, complex, bool, type(None), range, type, slice})
#: Built-in containers: going through them runs no code of the user's.
_ITEMS: dict[type, Callable[[Any], Iterable[object]]] = {
    **dict.fromkeys((list, tuple, set, frozenset, deque), iter),
    dict: dict.values,  # keys are hashable, so they are taken for unchanging
}

_Touched = Callable[[object, object, str], None]


def listener() -> _Touched | None:
    """Who is told what is touched, when a task of an execution touches it; most want nothing."""
    execution = _engine.active
    if execution is None or execution.touched is None:
        return None
    found = _engine.controlled()
    return None if found is None or found[1].doomed else execution.touched


def looks_at(target: Any) -> None:
    """The interpreter reads a container, or takes from an iterator, but does not read the items."""
    if type(target) not in PLAIN and (is_a(target, _SHARED) or is_iterator(target)):
        touched = listener()
        if touched is not None:
            for one in touches_of(target):
                touched(*one)


def looks_at_parts(target: object) -> None:
    """It reads attributes of the object, whichever a class pattern names."""
    touched = listener()
    if touched is not None and type(target) not in PLAIN:
        touched(target, WHOLE, READ)


def looks_through(target: Any) -> None:
    """It reads the items as well: a text is made of them."""
    if type(target) not in PLAIN:
        touched = listener()
        if touched is not None:
            _through(target, touched)


def compares(one: Any, other: Any) -> None:
    """Both are read, with their items."""
    looks_through(one)
    looks_through(other)


def joins(one: Any, other: Any) -> None:
    """Both are read, to make a new one of them."""
    looks_at(one)
    looks_at(other)


def adds(site: Site, one: Any, other: Any) -> None:
    """The first is changed in place by what is in the other: a scheduling point."""
    if type(one) not in PLAIN and is_a(one, _SHARED):
        access(site, one)
    looks_at(other)


def _through(target: Any, touched: _Touched) -> None:
    if is_a(target, _SHARED):
        touched(target, WHOLE, READ)
    items = _ITEMS.get(type(target))
    if items is not None and any(type(item) not in PLAIN for item in items(target)):
        touched(ANYTHING, WHOLE, READ)
