"""What the interpreter keeps for each OS thread: put aside, brought back, or let go.

``threading.local`` and the running event loop are found through the thread state: in its dictionary
and, since 3.13, by two pointers in it.  Several tasks can share one OS thread when these follow the
task that moves; a pooled thread is like a new one when they are gone.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from typing import Any

_get_dict = ctypes.pythonapi.PyThreadState_GetDict
_get_dict.restype = ctypes.c_void_p  # borrowed: a py_object would be let go once too often
_get_state = ctypes.pythonapi.PyThreadState_Get
_get_state.restype = ctypes.c_void_p
_let_go = ctypes.pythonapi.Py_DecRef
_let_go.argtypes = [ctypes.c_void_p]
_let_go.restype = None

#: Locals hang on pointers of the thread state, not on its dictionary, from this version on.
_BY_POINTER = sys.version_info >= (3, 13)
#: How far into the thread state the pointers are looked for.
_STATE_WORDS = 128
#: A finaliser may use thread-local data again; so often it is let go once more.
_ROUNDS = 3

#: The data of a task that has none.
Kept = tuple[dict[Any, Any], int, int]
NO_ENTRIES: dict[Any, Any] = {}
NOTHING: Kept = (NO_ENTRIES, 0, 0)

_offset: int | None = None


class ThreadData:
    """The data of the calling OS thread; to be used in that thread only."""

    __slots__ = ("entries", "pointers")

    def __init__(self) -> None:
        self.entries: dict[Any, Any] = ctypes.cast(_get_dict(), ctypes.py_object).value
        self.pointers = _pointers()

    def exchange(self, other: Kept) -> Kept:
        """Bring ``other`` in; return what was there, which is now nobody's until brought back."""
        entries, pointers = self.entries, self.pointers
        held, one, two = other
        kept = NO_ENTRIES
        if entries or held:
            kept = entries.copy()
            entries.clear()
            entries.update(held)
        mine = (kept, pointers[0], pointers[1])
        pointers[0] = one
        pointers[1] = two
        return mine

    def let_go(self) -> None:
        """The task has ended: its data dies now, in its own thread, as with a thread's end."""
        entries, pointers = self.entries, self.pointers
        for _ in range(_ROUNDS):
            if not entries and not pointers[0]:
                return
            dead = pointers[0], pointers[1]
            pointers[0] = pointers[1] = 0
            entries.clear()
            for address in dead:
                if address:
                    _let_go(address)


def _pointers() -> list[int] | memoryview[int]:
    if not _BY_POINTER or (at := _offset_of_locals()) < 0:
        return [0, 0]  # never anything there
    size = ctypes.sizeof(ctypes.c_size_t)
    words = (ctypes.c_size_t * 2).from_address(_get_state() + at * size)
    return memoryview(words).cast("B").cast("P")


def _offset_of_locals() -> int:
    """Where in a thread state the two pointers are, in words; -1 when they are not to be found."""
    global _offset
    if _offset is None:
        probe = threading.local()
        probe.value = None
        holders = [one for one in gc.get_referents(probe) if type(one) is dict]
        keys = [id(key) for one in holders for key in one]
        words = (ctypes.c_size_t * _STATE_WORDS).from_address(_get_state())
        found = [at for at, word in enumerate(words[:-1]) if word in keys]
        _offset = found[0] if len(found) == 1 else -1
    return _offset


def data_follows() -> bool:
    """Whether thread-local data can be put aside in this interpreter: it is tried, not assumed."""
    data, probe = ThreadData(), threading.local()
    probe.value = 1
    mine = data.exchange(NOTHING)
    hidden = not hasattr(probe, "value")
    probe.value = 2
    other = data.exchange(mine)
    back = probe.value == 1
    data.exchange(other)
    kept = probe.value == 2
    data.let_go()
    gone = not hasattr(probe, "value")
    data.let_go()
    data.exchange(mine)
    return hidden and back and kept and gone and probe.value == 1
