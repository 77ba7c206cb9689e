"""Looks at frames and objects of the user without changing them or running their code."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeGuard, TypeVar

ABSENT: Any = object()  # stands for "nothing there"


def frame_locals(frame: FrameType) -> dict[str, Any]:
    """A copy of the frame's local variables.

    Before 3.13 the frame itself would keep the snapshot, and with it every object in it: a weak
    reference would die later than it does without us, and a replay would differ.
    """
    snapshot = frame.f_locals
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return dict(snapshot)
    copy = dict(snapshot)
    if type(snapshot) is dict:
        snapshot.clear()
    return copy


_T = TypeVar("_T")


def is_a(value: object, kinds: type[_T] | tuple[type[_T], ...]) -> TypeGuard[_T]:
    """``isinstance`` by the type alone: ``__class__`` may be the user's code, as in a proxy."""
    return issubclass(type(value), kinds)


def own_dict(value: object) -> dict[str, Any] | None:
    """The instance dictionary of ``value``, or None."""
    if is_a(value, type):
        return dict(type.__getattribute__(value, "__dict__"))
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def peek(target: object, form: str, key: object) -> object:
    """What reading ``target`` at ``key`` would give, or ABSENT when that cannot be told safely."""
    return _PEEKS[form](target, key)


def _attribute(target: object, key: Any) -> object:
    held = own_dict(target)
    if held is not None and key in held:
        return held[key]
    for kind in type(target).__mro__:
        if key in vars(kind):
            found = vars(kind)[key]
            if type(found).__name__ == "member_descriptor":
                return getattr(target, key, ABSENT)
            return ABSENT if hasattr(type(found), "__get__") else found
    return ABSENT


def _item(target: object, key: object) -> object:
    if type(target) is dict or (is_a(target, dict) and "__missing__" in dir(type(target))):
        try:
            return dict.get(target, key, ABSENT)
        except TypeError:  # an unhashable key: the operation itself will say so
            return ABSENT
    if type(target) is list and isinstance(key, int) and -len(target) <= key < len(target):
        return target[key]
    return ABSENT


def _cell(target: Any, _: object) -> object:
    try:
        return target.cell_contents
    except ValueError:  # not assigned yet
        return ABSENT


def _name(target: Any, key: object) -> object:
    return dict.get(target, key, ABSENT)


def _itself(target: object, _: object) -> object:
    return target


_PEEKS = {
    "attribute": _attribute,
    "item": _item,
    "cell": _cell,
    "global": _name,
    "container": _itself,
    "step": _itself,
    "slice": _itself,
}


def held_loosely(target: object) -> Callable[[], object]:
    """A reference that does not keep ``target`` alive, where its kind allows that."""
    try:
        return weakref.ref(target)
    except TypeError:
        return lambda: target
