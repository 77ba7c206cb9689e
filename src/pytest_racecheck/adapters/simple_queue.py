"""``queue.SimpleQueue`` under control: the C queue that executors use."""

from __future__ import annotations

import _queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_racecheck.adapters.executors import WORKER, dismiss
from pytest_racecheck.adapters.type_gates import meant, replaced_methods
from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.engine.happens_before import let_go, take
from pytest_racecheck.engine.task import Unwind

_put_c = _queue.SimpleQueue.__dict__["put"]
_get_c = _queue.SimpleQueue.__dict__["get"]
_empty_c = _queue.SimpleQueue.__dict__["empty"]
_qsize_c = _queue.SimpleQueue.__dict__["qsize"]


def _put(self: Any, item: object, block: bool = True, timeout: float | None = None) -> None:
    del block, timeout  # accepted and ignored, as by the real one: a put never waits
    found = controlled()
    if found is not None and not found[1].doomed:
        found[0].switch(found[1], "put", self)
        if found[0].clocks is not None:
            let_go(found[0], found[1], id(self))
            if found[0].data_races is not None:
                found[0].data_races.keep(self)
    _put_c(self, item)


def _get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
    found = controlled()
    if found is None or (block and timeout is not None and timeout < 0):
        return _get_c(self, block, timeout)
    execution, task = found
    if task.doomed:
        if meant(sys._getframe(1)).f_code is WORKER or (block and _empty_c(self)):
            raise Unwind  # an executor's worker begins nothing new
    elif not block:
        execution.switch(task, "try get", self)
    else:
        task.idle_worker = meant(sys._getframe(1)).f_code is WORKER
        try:
            execution.wait_until(task, lambda: not _empty_c(self), "get", self, timeout)
        except Unwind:
            if task.idle_worker:
                return dismiss(meant(sys._getframe(1)))
            raise
        finally:
            task.idle_worker = False
    if execution.clocks is not None:
        take(execution, task, id(self))
    return _get_c(self, False)


def _get_nowait(self: Any) -> Any:
    found = controlled()
    if found is not None and found[1].doomed and meant(sys._getframe(1)).f_code is WORKER:
        raise Unwind
    return _get(self, False)


def _put_nowait(self: Any, item: object) -> None:
    _put(self, item)


def _look(method: Any) -> Any:
    def look(self: Any) -> Any:
        found = controlled()
        if found is not None and not found[1].doomed:
            found[0].look(found[1], self)
        return method(self)

    return look


@contextmanager
def controlled_simple_queues() -> Iterator[None]:
    """Every SimpleQueue of the process goes through its gate while entered."""
    gates = {
        "put": _put,
        "get": _get,
        "put_nowait": _put_nowait,
        "get_nowait": _get_nowait,
        "empty": _look(_empty_c),
        "qsize": _look(_qsize_c),
    }
    with replaced_methods(_queue.SimpleQueue, gates):
        yield
