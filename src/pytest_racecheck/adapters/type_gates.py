"""Put Python functions in place of the methods of a built-in type, for a while.

``_thread.lock`` and its kin cannot be subclassed or assigned to, but objects of these types are
made at import time, kept in closures and imported by name, so control has to sit on the type.  The
type's own dictionary is reached through the garbage collector, and its version is bumped so that
no specialised bytecode keeps the old method.  CPython 3.11 to 3.13; decision 0002 says why.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from pytest_racecheck.errors import RacecheckError

_modified = ctypes.pythonapi.PyType_Modified
_modified.argtypes = [ctypes.py_object]
_modified.restype = None


def forget_lookups(kind: type) -> None:
    """Tell the interpreter that the dictionary of ``kind`` was changed behind its back."""
    _modified(kind)


_transparent: CodeType | None = None


def see_through(code: CodeType) -> None:
    """Functions of this code stand between a gate and its caller, and are not meant."""
    global _transparent
    _transparent = code  # one is enough, and comparing with it costs least: a set hashes codes


def meant(frame: FrameType) -> FrameType:
    """The caller of a gate: ``frame``, or who called that, if it only hands on."""
    if frame.f_code is _transparent and frame.f_back is not None:
        return frame.f_back
    return frame


@contextmanager
def replaced_methods(kind: type, gates: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Let ``gates`` stand in for the methods of ``kind`` of the same names while entered."""
    entries = _own_dict(kind)
    before = {name: entries[name] for name in gates}
    try:
        entries.update(gates)
        _modified(kind)
        yield
    finally:
        entries.update(before)
        _modified(kind)


def _own_dict(kind: type) -> dict[str, Any]:
    for referent in gc.get_referents(kind.__dict__):
        if type(referent) is dict and referent.get("__doc__", ...) is kind.__dict__["__doc__"]:
            return referent
    raise RacecheckError(
        f"this Python does not let {kind.__name__} be controlled; CPython 3.11, 3.12 or 3.13 does"
    )
