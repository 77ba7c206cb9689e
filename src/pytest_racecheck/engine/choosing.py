"""The choices of an execution: the strategy is asked, and what it says is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence, Redundant

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution

#: A task that only read, this many operations in a row, lets the others go first (fairness).
SPIN_LIMIT = 400
#: A runnable task is assumed to be late by at most this much (virtual time) when a time-out fires
#: although it could have moved.  Longer time-outs fire only when nobody can move.
LATENESS_S = 0.5


def decide(
    execution: Execution, enabled: list[Task], task: Task | None, late: Sequence[Task]
) -> Task:
    """Who moves: one of ``enabled``, or of ``late``, whose time-out fires now."""
    current = task if task in enabled else None
    if execution.quiet > SPIN_LIMIT and current is not None and len(enabled) > 1:
        execution.quiet = 0
        execution.gave_way = True
        enabled = [t for t in enabled if t is not current]
        current = None
        if len(enabled) + len(late) == 1:
            return enabled[0]
    try:
        chosen = execution.pick(enabled, current, late)
    except Divergence as divergence:
        return _leave(execution, divergence)
    execution.decisions.append((chosen.index, len(enabled) + len(late), chosen.pending[0]))
    if chosen is not current and current is not None:
        execution.preemptions += 1
        execution.quiet = 0
    if late and chosen in late:
        execution.late_left -= 1
    return chosen


def find_late(execution: Execution, enabled: list[Task]) -> list[Task]:
    """Tasks whose time-out may fire now although somebody else could move."""
    if not execution.late_left or not enabled:
        return []
    limit = execution.now_s + LATENESS_S
    return [
        t
        for t in execution.live
        if t.deadline_s is not None and t.deadline_s <= limit and t not in enabled
    ]


def the_only_one(execution: Execution, only: Task) -> Task:
    """Nobody else can move; the strategy may know that nothing new can come of it."""
    assert execution.forced is not None
    try:
        execution.forced(only)
    except Divergence as divergence:
        return _leave(execution, divergence)
    return only


def choose(execution: Execution, options: list[Task]) -> Task:
    """A recorded choice that is not about who moves: which waiter a notify wakes."""
    if len(options) == 1 or execution.unwinding:
        return options[0]
    try:
        chosen = execution.pick_value(options, None, ())
    except Divergence as divergence:
        _leave(execution, divergence)
        return options[0]
    execution.decisions.append((chosen.index, len(options), chosen.pending[0]))
    return chosen


def _leave(execution: Execution, divergence: Divergence) -> Task:
    execution.redundant = isinstance(divergence, Redundant)
    if not execution.redundant:
        execution.divergence = divergence
    return execution.begin_unwinding("the schedule was left")
