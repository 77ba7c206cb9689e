"""Whether the code under test asks for something that knows OS threads by itself.

A connection of ``sqlite3`` refuses other threads than its own, a C library may keep data for each
thread: on greenlets they would see one thread, and a mistake would not be one.  Nothing in an
execution tells, so it is told by the names in the code, and when in doubt it is threads.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pytest_racecheck.engine.looking import is_a

_SUFFIXES = tuple(EXTENSION_SUFFIXES)
_STDLIB = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["platstdlib"])
#: Names that mean: it asks the operating system's thread, or the interpreter about its threads.
THREAD_NAMES = frozenset(
    (
        *("sqlite3", "tkinter", "asyncio", "ctypes", "cffi", "multiprocessing", "gevent"),
        *("pthread_kill", "pthread_sigmask", "pthread_getcpuclockid", "thread_time"),
        *("_current_frames", "_current_exceptions", "settrace", "setprofile"),
        *("sched_setaffinity", "setswitchinterval", "stack_size"),
    )
)
_OURS = {"greenlet", "pytest_racecheck"}

_known: tuple[int, frozenset[str]] = (0, frozenset())


def of_code(files: Sequence[str], covers: Callable[[str], bool]) -> str | None:
    """What the code in ``files``, and that under test which it refers to, needs threads for."""
    avoided = THREAD_NAMES | _native_packages()
    modules = [
        one
        for name, one in list(sys.modules.items())
        if getattr(one, "__file__", None) in files
        or (name.endswith("conftest") and _is_covered(one, covers))  # of the fixtures
    ]
    for module in modules:  # grows
        others = _referred_to(module)
        names = {name.partition(".")[0] for name in others}
        names |= _names(_codes(vars(module).values(), module.__name__))
        if found := avoided & names:
            return f"the code refers to {min(found)}, which knows OS threads"
        for name in others:
            other = sys.modules.get(name)
            if other is not None and other not in modules and _is_covered(other, covers):
                modules.append(other)
    return None


def _referred_to(module: ModuleType) -> set[str]:
    """The modules that the globals of ``module`` are, or are from."""
    found: set[str] = set()
    for value in list(vars(module).values()):
        name = value.__name__ if is_a(value, ModuleType) else _own_module(value)
        if type(name) is str:
            found.add(name)
    return found


def _own_module(value: object) -> object:
    held = value if is_a(value, (type, FunctionType)) else type(value)
    return getattr(held, "__module__", None)


def _is_covered(module: Any, covers: Callable[[str], bool]) -> bool:
    file = getattr(module, "__file__", None)
    return type(file) is str and covers(file)


def _native_packages() -> frozenset[str]:
    """The packages in this process that have native code, without the standard library."""
    global _known
    if _known[0] != len(sys.modules):
        tops = {
            name.partition(".")[0]
            for name, module in list(sys.modules.items())
            if str(getattr(module, "__file__", "")).endswith(_SUFFIXES)
            and not str(getattr(module, "__file__", "")).startswith(_STDLIB)
        }
        _known = (len(sys.modules), frozenset(tops - _OURS))
    return _known[1]


def _codes(values: Iterable[Any], module: str) -> list[CodeType]:
    found: list[CodeType] = []
    for value in list(values):
        if is_a(value, FunctionType):
            found.append(value.__code__)
        elif is_a(value, type) and value.__module__ == module:
            found += [one.__code__ for one in vars(value).values() if is_a(one, FunctionType)]
    for code in found:  # grows
        found += [one for one in code.co_consts if type(one) is CodeType]
    return found


def _names(codes: Iterable[CodeType]) -> set[str]:
    return {name for code in codes for name in code.co_names}
