"""Names for objects in reports: what the user's code calls them, never an address."""

from __future__ import annotations

import threading
from types import FrameType, ModuleType

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
MAX_VALUE_TEXT = 40


def name_in_frame(frame: FrameType | None, target: object) -> str:
    """What the code at ``frame`` calls ``target``: a variable, an attribute, or its kind."""
    given = getattr(type(target), "__racecheck_name__", None) or (
        target if isinstance(target, str) else None
    )
    if isinstance(given, str):
        return given
    own = getattr(target, "__racecheck_name__", None) if target is not None else None
    if isinstance(own, str):
        return own
    if target is None:
        return ""
    found = None if frame is None else _search(frame, target)
    kind = type(target).__name__
    if isinstance(target, threading.Thread):
        return f"thread {target._name!r}"  # type: ignore[attr-defined]
    return f"{kind} {found}" if found else kind


def _search(frame: FrameType, target: object) -> str | None:
    for scope in (frame.f_locals, frame.f_globals):
        for name, value in list(scope.items()):
            if value is target and not name.startswith("@"):
                return f"`{name}`"
    for name, value in list(frame.f_locals.items()):
        held = getattr(value, "__dict__", None)
        if isinstance(held, dict) and not isinstance(value, ModuleType):
            for attribute, inner in list(held.items()):
                if inner is target:
                    return f"`{name}.{attribute}`"
        if isinstance(value, (list, tuple)) and len(value) < 100:
            for at, inner in enumerate(value):
                if inner is target:
                    return f"`{name}[{at}]`"
    return None


def value_text(value: object) -> str:
    """A short text of a value that is safe to show: plain values as written, others by their type."""
    if isinstance(value, _PLAIN):
        return _short(repr(value))
    if type(value) in (list, tuple, set, frozenset, dict) and len(value) <= 4:  # type: ignore[arg-type]
        flat = value.items() if isinstance(value, dict) else value
        if all(isinstance(v, _PLAIN) or isinstance(v, tuple) for v in flat):  # type: ignore[attr-defined]
            return _short(_without_addresses(repr(value)))
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"{type(value).__name__} of {len(value)}"
    return f"<{type(value).__name__}>"


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE_TEXT else text[: MAX_VALUE_TEXT - 1] + "…"


def _without_addresses(text: str) -> str:
    return text.split(" at 0x")[0] if " at 0x" in text else text
