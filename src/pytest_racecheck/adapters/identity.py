"""Who a task is: the numbers of its thread, also where its carrier has none of its own.

``current_thread``, the names of log records, the pure ``RLock`` and the locks of imports are Python
code that asks ``get_ident``, so they are right when that is.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from types import MethodType
from typing import Any

from pytest_racecheck.engine.carrier import current_key
from pytest_racecheck.engine.execution import controlled

_native_id = _thread.get_native_id
#: The numbers of the operating system for tasks that it does not know: no process has such a one.
_FIRST_NATIVE_ID = 1 << 30


def _get_ident(_: object) -> int:
    found = controlled()
    return current_key() if found is None else found[1].carrier.key


def _get_native_id(_: object) -> int:
    found = controlled()
    if found is None or not found[0].pool.on_greenlets or found[1].index == 0:
        return _native_id()
    return _FIRST_NATIVE_ID + found[1].carrier.key % _FIRST_NATIVE_ID


#: What stands in for the two; bound, so that no class makes methods of them.
IDENTITY: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (current_key, MethodType(_get_ident, _thread)),
    (_native_id, MethodType(_get_native_id, _thread)),
]
