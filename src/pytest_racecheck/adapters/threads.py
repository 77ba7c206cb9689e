"""Everything of the standard library that blocks or starts threads, under control at once."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pytest_racecheck.adapters.executors import take_back_dismissals
from pytest_racecheck.adapters.holders import Holders
from pytest_racecheck.adapters.identity import IDENTITY
from pytest_racecheck.adapters.lifecycle import RAW, controlled_lifecycle, note_uncontrolled
from pytest_racecheck.adapters.locks import controlled_locks
from pytest_racecheck.adapters.order_of_birth import Births, ordered_by_birth
from pytest_racecheck.adapters.rlocks import controlled_rlocks
from pytest_racecheck.adapters.selectors_control import controlled_selectors
from pytest_racecheck.adapters.silent_end import silent_end
from pytest_racecheck.adapters.simple_queue import controlled_simple_queues
from pytest_racecheck.adapters.stand_ins import stand_ins
from pytest_racecheck.adapters.virtual_time import TIME
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.thread_data import data_follows


class ThreadControl:
    """What has to happen around each execution while the standard library is under control."""

    def __init__(self, births: Births, locals_: list[threading.local]) -> None:
        self._births = births
        self._keys: frozenset[int] = frozenset()
        self._locals = locals_
        # To look into one of a subclass would run its __init__ in this thread.
        plain = [local for local in locals_ if type(local) is threading.local]
        self._mine = [(vars(local), dict(vars(local))) for local in plain]
        self._dies = data_follows()  # thread-local data dies with its task
        self._local_size = self._size()

    def before(self) -> None:
        """Make the names of this execution's threads the same as in every other one."""
        threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]
        self._births.begin()
        self._keys = frozenset(threading._active)  # type: ignore[attr-defined]

    def after(self, execution: Execution) -> bool:
        """Look for what was left; True when pooled threads carry thread-local data now."""
        take_back_dismissals()
        for task in execution.tasks:
            if task.thread is not None:  # a circle, which would wait for the collector
                vars(task.thread).pop("_racecheck_task", None)
        for held, before in self._mine:
            if held or before:
                held.clear()
                held.update(before)
        if len(threading._active) != len(self._keys):  # type: ignore[attr-defined]
            note_uncontrolled(execution, self._keys)
        return not self._dies and self._size() != self._local_size

    def _size(self) -> int:
        # A thread-local object keeps one entry for each thread that has used it.
        return sum(
            len(inner)
            for local in self._locals
            for inner in gc.get_referents(local)
            if type(inner) is dict
        )


@contextmanager
def control_threads() -> Iterator[ThreadControl]:
    """Control locks, queues, threads and time of the tasks of each execution while entered."""
    with ExitStack() as stack:
        pairs = [*TIME, *RAW, *IDENTITY]
        found = Holders((threading.Condition, threading.local), [real for real, _ in pairs])
        births = stack.enter_context(ordered_by_birth())
        control = ThreadControl(births, found.instances(threading.local))
        stack.enter_context(controlled_rlocks())  # the conditions bind their gates
        stack.enter_context(controlled_locks(found.instances(threading.Condition)))
        for enter in (
            silent_end,
            controlled_simple_queues,
            controlled_lifecycle,
            controlled_selectors,
        ):
            stack.enter_context(enter())
        stack.enter_context(stand_ins(pairs, found))
        del found  # it would keep alive what the body lets go
        yield control
