"""What a strategy is: it yields a fresh decider per execution while there is something left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from pytest_racecheck.engine.task import Task


class Decider(Protocol):
    """Decides the choices of one execution.

    A decider sees each task's ``pending`` operation.  It may also have any of these, which the
    engine calls if they are there:

    - ``begin(execution)``: before the body runs; ``execution.live`` are the tasks, blocked ones
      included.
    - ``choose(options, None, ())``: a choice that is not about who moves (which waiter a notify
      wakes); without it ``pick`` is asked.
    - ``forced(task)``: only ``task`` can move, so there was nothing to pick.
    - ``performed(task)``: ``task`` has come to its next operation, ``task.pending``; what it did
      before is done.
    - ``operation(task)``: ``task`` performs its pending operation now.
    - ``touched(target, key, kind)``: the task that moves touched something more
      (engine/dependence.py).
    - ``touched_data(site, target, item_key)``: the same of data, where that is no scheduling point.
    - ``left_over()``: a Divergence when the program has ended too early, else None.
    """

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Choose who moves: one of ``enabled``, or of ``late`` (its time-out fires now).

        ``current`` is the task that moved last, when it could go on (else None); choosing another
        is a preemption.  ``enabled`` and ``late`` together hold at least two tasks, by birth.
        """


#: What a decider may have besides ``pick`` and ``choose``; one around another hands them on.
HOOKS = ("begin", "forced", "performed", "operation", "touched", "touched_data")


class Strategy(Protocol):
    """A way to walk through the schedules of a body.

    It may also have any of these, which say what a search without a failure is worth:

    - ``draws``: True when its executions are drawn at random (systematic ones are not).
    - ``generation``: a number; executions of the same one are independent and drawn alike.
    - ``promise``: the bound on what it misses (strategies/promise.py), or None.
    """

    name: str

    @property
    def grade(self) -> str | None:
        """What was covered, once everything within it has run: "exhausted", "bounded", or None."""

    @property
    def preemptions(self) -> int | None:
        """The number of preemptions up to which every schedule has run, if that is known."""

    def deciders(self) -> Iterator[Decider]:
        """Yield a decider for each execution; the search ends when the iterator does."""


def member_of(strategy: Strategy) -> Strategy:
    """Of a strategy that is made of several, the one that makes the execution; else itself."""
    member: Strategy = getattr(strategy, "member", strategy)
    return member
