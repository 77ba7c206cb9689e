"""What a task can see of the state, as a number: two equal ones mean that nothing has moved on.

Objects count by their identity and by what is in them, a few levels deep, so that a long loop over
things that look alike is not taken for one that gets nowhere.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterable, Mapping
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.carrier import LockType, raw_locked
from pytest_racecheck.engine.failure import is_internal, outwards
from pytest_racecheck.engine.looking import frame_locals, is_a, own_dict

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_SIZED = (list, tuple, set, frozenset, dict, deque, bytearray)
_NOT_STATE = (type, ModuleType, FunctionType)
#: How far into objects, and how many items of each, one looks.
_DEPTH = 3
_ITEMS = 30


def snapshot(execution: Execution, with_time: bool) -> int:
    """The state as a number; ``with_time`` when the program looks at the clock."""
    held = frozenset((key, owner.index) for key, (owner, _) in execution.owners.items())
    tasks = tuple(_task(execution, t, t.carrier.frame()) for t in execution.live)
    return hash((held, tasks, execution.now_s if with_time else 0.0))


def standing_places(execution: Execution) -> int:
    """Where each task stands and what it is about to do, as a number: quick to make."""
    places = []
    for task in execution.live:
        frame = task.carrier.frame()
        while frame is not None and is_internal(frame.f_code.co_filename):
            frame = outwards(frame)
        places.append((task.index, task.pending[0], 0 if frame is None else frame.f_lasti))
    return hash(tuple(places))


def _task(execution: Execution, task: Task, frame: FrameType | None) -> tuple[object, ...]:
    label, target, _ = task.pending
    left = None if task.deadline_s is None else round(task.deadline_s - execution.now_s, 4)
    state: list[object] = [task.index, label, target if type(target) is str else 0, left]
    modules: dict[int, Mapping[str, Any]] = {}
    while frame is not None:
        if not is_internal(frame.f_code.co_filename):
            state.append((id(frame.f_code), frame.f_lasti))
            state.extend(_named(frame_locals(frame), _DEPTH))
            modules[id(frame.f_globals)] = frame.f_globals
        frame = outwards(frame)
    for scope in modules.values():
        state.extend(_named(scope, 2))
    return tuple(state)


def _named(scope: Mapping[str, Any], depth: int) -> Iterable[tuple[str, object]]:
    for name, value in list(scope.items()):
        if not is_a(value, _NOT_STATE) and not name.startswith("__"):
            yield name, _value(value, depth)


def _value(value: object, depth: int) -> object:
    if type(value) in _PLAIN:
        return value
    if type(value) is LockType:
        return raw_locked(value)
    if depth and type(value) in _SIZED:
        return (id(value), len(value), *_items(value, depth - 1))  # type: ignore[arg-type]
    inner = own_dict(value) if depth and not is_a(value, _NOT_STATE) else None
    if inner is not None:
        return (id(value), *((name, _value(v, depth - 1)) for name, v in list(inner.items())))
    return (id(value), _position(value))


def _items(value: Any, depth: int) -> Iterable[object]:
    if isinstance(value, dict):
        value = [item for pair in list(value.items())[:_ITEMS] for item in pair]
    elif isinstance(value, (set, frozenset)):
        return  # identity and size will do: the order of a set says nothing
    for at, item in enumerate(list(value)):
        if at >= _ITEMS:
            return
        yield _value(item, depth)


def _position(value: object) -> object:
    """How far an iterator that is written in C has come."""
    if type(type(value).__dict__.get("__length_hint__")).__name__ == "method_descriptor":
        return operator.length_hint(value)
    return repr(value) if type(value).__module__ == "itertools" else 0
