"""Names for objects in reports: what the user's code calls them, never an address."""

from __future__ import annotations

import threading
from types import FrameType, ModuleType

from pytest_racecheck.engine.looking import frame_locals, is_a, own_dict

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
MAX_VALUE_TEXT = 40


def name_in_frame(frame: FrameType | None, target: object, *, kind: bool = True) -> str:
    """What the code at ``frame`` calls ``target``: a variable, an attribute, or its kind."""
    given = target if is_a(target, str) else _given_name(target)
    if isinstance(given, str):
        return given
    if target is None:
        return ""
    found = None if frame is None else _search(frame, target)
    if is_a(target, threading.Thread):
        return f"thread {target._name!r}"  # type: ignore[attr-defined]
    of_kind = type(target).__name__
    if found is None:
        return of_kind
    return f"{of_kind} {found}" if kind else found


def owned_name(frame: FrameType | None, target: object) -> str:
    """The object by the class of the one that holds it, as "Account.lock"; else its plain name."""
    local = {} if frame is None else frame_locals(frame)
    for value in local.values():
        held = None if is_a(value, ModuleType) else own_dict(value)
        for attribute, inner in list((held or {}).items()):
            if inner is target and type(value).__name__ != "type":
                return f"{type(value).__name__}.{attribute}"
    return name_in_frame(frame, target, kind=False).strip("`")


def _given_name(target: object) -> object:
    """What an adapter has called the object, or all objects of its type."""
    for kind in type(target).__mro__:
        if "__racecheck_name__" in vars(kind):
            return target.__racecheck_name__  # type: ignore[attr-defined]
    return (own_dict(target) or {}).get("__racecheck_name__")


def _search(frame: FrameType, target: object) -> str | None:
    local = frame_locals(frame)
    for scope in (local, frame.f_globals):
        for name, value in list(scope.items()):
            if value is target and not name.startswith("@"):
                return f"`{name}`"
    for name, value in local.items():
        found = _inside(name, value, target)
        if found is not None:
            return f"`{found}`"
    return None


def _inside(name: str, value: object, target: object) -> str | None:
    """``name.attribute`` or ``name[at]`` when ``target`` is held there."""
    if (type(value) is list or type(value) is tuple) and len(value) < 100:
        return next((f"{name}[{at}]" for at, inner in enumerate(value) if inner is target), None)
    held = None if is_a(value, ModuleType) else own_dict(value)
    for attribute, inner in list((held or {}).items()):
        if inner is target:
            return f"{type(value).__name__ if name == 'self' else name}.{attribute}"
    return None


def value_text(value: object) -> str:
    """A short text of a value: plain ones as they are written, others by their type."""
    if type(value) in _PLAIN:
        return _short(repr(value))
    if type(value) in (list, tuple, set, frozenset, dict) and len(value) <= 4:  # type: ignore[arg-type]
        flat = value.items() if isinstance(value, dict) else value
        if all(type(v) in _PLAIN or _all_plain(v) for v in flat):  # type: ignore[attr-defined]
            return _short(_without_addresses(repr(value)))
    for kind in (list, tuple, set, frozenset, dict):
        if is_a(value, kind):
            return f"{type(value).__name__} of {kind.__len__(value)}"  # type: ignore[arg-type]
    return f"<{type(value).__name__}>"


def _all_plain(value: object) -> bool:
    return type(value) is tuple and all(type(inner) in _PLAIN for inner in value)


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE_TEXT else text[: MAX_VALUE_TEXT - 1] + "…"


def _without_addresses(text: str) -> str:
    return text.split(" at 0x")[0] if " at 0x" in text else text
