"""Which functions are under test, and their instrumented stand-ins for the time of a search."""

from __future__ import annotations

import functools
import gc
import os
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_racecheck.errors import UsageError

if TYPE_CHECKING:
    from pytest_racecheck.engine.stored_names import StoredNames

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SCENARIOS = os.path.join(_PACKAGE, "scenarios") + os.sep


def _outside() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(os.path.abspath(folder) + os.sep for folder in folders)


_OUTSIDE = _outside()

#: The last constant of code with gates.
GATES = object()


class _Made(NamedTuple):
    """What was made of the code of a function, which is kept so that no other has its id."""

    code: CodeType
    scope: dict[str, Any]
    made: CodeType


#: By the ids of the code and of its module's globals, as code of another file may be equal; and
#: whether only its calls have gates.
_made: dict[tuple[int, int, bool], _Made] = {}
_looked_at: dict[int, CodeType] = {}
_stored: list[StoredNames] = []


#: Functions of ours that call the user's, beside those of the standard library (opaque.py).
_callers: list[Any] = []

#: Functions of the standard library with a race that their callers think they have not: since 3.12
#: two threads may both compute a cached property.
ALWAYS: tuple[Any, ...] = (functools.cached_property.__get__,)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def calls_the_user(function: _Function) -> _Function:
    """Mark a function of ours that calls what the user gave it, which may have no gates."""
    _callers.append(function)
    return function


class UnderTest:
    """Tells by file name whether code is under test."""

    def __init__(self, root: str, files: Sequence[str] = (), control: Sequence[str] = ()) -> None:
        self._root = os.path.abspath(root) + os.sep
        self._files = frozenset(os.path.abspath(file) for file in files)
        self._named = tuple(_folder_of(name) for name in control)
        self._known: dict[str, bool] = {}

    def covers(self, filename: str) -> bool:
        """Whether the code in ``filename`` gets gates before its accesses."""
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._decide(filename)
        return known

    def _decide(self, filename: str) -> bool:
        path = os.path.abspath(filename)
        if path in self._files or path.startswith(self._named):
            return True
        if (
            filename.startswith("<")
            or path.startswith(_OUTSIDE)
            or f"{os.sep}site-packages" in path
        ):
            return False
        if path.startswith(_PACKAGE):
            return path.startswith(_SCENARIOS)
        return path.startswith(self._root)


def _folder_of(name: str) -> str:
    module = sys.modules.get(name)
    if module is None:
        try:
            module = __import__(name, fromlist=["__name__"])
        except (ImportError, ValueError) as error:
            raise UsageError(
                f"control={name!r}: no such module ({error}); name a module or package to control"
            ) from error
    path: str | None = getattr(module, "__file__", None)
    if not path or not path.endswith(".py"):
        raise UsageError(f"control={name!r}: the module is not Python source, so it has no gates")
    return os.path.dirname(path) + os.sep if os.path.basename(path) == "__init__.py" else path


def _look_for_stored_names(functions: Sequence[FunctionType]) -> StoredNames:
    """Add what ``functions`` rebind; code that reads a global first rebound here is done again."""
    from pytest_racecheck.engine.stored_names import StoredNames, code_tree

    if not _stored:
        _stored.append(StoredNames())
    stored = _stored[0]
    known = set(stored.globals)
    for function in functions:
        code = function.__code__
        if id(code) not in _looked_at and not has_gates(code):
            _looked_at[id(code)] = code
            stored.collect(code, function.__globals__)
    if new := {name for _, name in stored.globals - known}:
        for key, (code, _, _) in list(_made.items()):
            if new & {name for inner in code_tree(code) for name in inner.co_names}:
                del _made[key]
    return stored


def has_gates(code: CodeType) -> bool:
    """Whether ``code`` is what a function under test runs during a search."""
    constants = code.co_consts
    return bool(constants) and constants[-1] is GATES


@contextmanager
def gates_inserted(under_test: UnderTest) -> Iterator[int]:
    """Give every function under test its instrumented code; yields how many there are."""
    from pytest_racecheck.engine import opaque

    functions = [
        candidate
        for candidate in gc.get_objects()
        if type(candidate) is FunctionType and under_test.covers(candidate.__code__.co_filename)
    ]
    functions += [one for one in ALWAYS if not under_test.covers(one.__code__.co_filename)]
    stored = _look_for_stored_names(functions)
    changes: list[tuple[Any, CodeType, CodeType]] = [
        (caller, caller.__code__, _with_gates(caller, None))
        for caller in (*opaque.CALL_THE_USER, *_callers)
    ]
    # Behind those, because one of them may be under test as well.
    changes += [(one, one.__code__, _with_gates(one, stored)) for one in functions]
    opaque.forget()
    try:
        for function, _, made in changes:
            function.__code__ = made
        yield len(functions)
    finally:
        for function, code, _ in changes:
            function.__code__ = code


def _with_gates(function: FunctionType, stored: StoredNames | None) -> CodeType:
    """The code of ``function`` with gates, made once; without ``stored``, only those of calls."""
    from pytest_racecheck.engine.instrument import instrumented, with_call_gates

    code, scope = function.__code__, function.__globals__
    if has_gates(code):
        return code
    key = (id(code), id(scope), stored is None)
    found = _made.get(key)
    if found is None:
        made = with_call_gates(code) if stored is None else instrumented(code, scope, stored)
        found = _made[key] = _Made(code, scope, made)
    return found.made
