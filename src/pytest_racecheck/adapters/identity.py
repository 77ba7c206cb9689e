"""Who a task is: the numbers of its thread, also where its carrier has none of its own.

``current_thread``, the names of log records, the pure ``RLock`` and the locks of imports are Python
code that asks ``get_ident``, so they are right when that is.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from types import MethodType
from typing import Any

from pytest_racecheck.engine import execution as engine
from pytest_racecheck.engine.carrier import current_key
from pytest_racecheck.engine.execution import controlled

_native_id = _thread.get_native_id


def get_ident(_: object) -> int:
    """The number of the calling task's thread (named as the real one: diagnosis/witness.py)."""
    key = current_key()
    execution = engine.active
    task = None if execution is None else execution.by_key.get(key)
    return key if task is None else task.carrier.key


def get_native_id(_: object) -> int:
    """The number that the operating system has for it, or would have."""
    found = controlled()
    return _native_id() if found is None else found[1].carrier.native_id


#: What stands in for the two; bound, so that no class makes methods of them.
IDENTITY: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (current_key, MethodType(get_ident, _thread)),
    (_native_id, MethodType(get_native_id, _thread)),
]
