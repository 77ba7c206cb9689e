"""Follow a schedule for some choices, then let another strategy search from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.base import HOOKS, Decider, Strategy
from pytest_racecheck.engine.strategies.recorded import Follow
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence


class Prefix:
    """Every execution begins alike; what comes after ``upto`` choices is another strategy's."""

    name = "prefix"
    grade: str | None = None  # the whole of a part of the schedules is a part
    preemptions: int | None = None

    def __init__(self, schedule: Schedule, upto: int, then: Strategy) -> None:
        self._schedule = schedule
        self._upto = upto
        self._then = then

    def deciders(self) -> Iterator[Decider]:
        """Yield a decider for each one of the other strategy."""
        for decider in self._then.deciders():
            yield _Begun(self._schedule, self._upto, decider)


class _Begun:
    def __init__(self, schedule: Schedule, upto: int, decider: Decider) -> None:
        self._follow = Follow(schedule)
        self._upto = upto
        self._decider = decider
        self._choose = getattr(decider, "choose", decider.pick)
        for hook in HOOKS:
            if hasattr(decider, hook):
                setattr(self, hook, getattr(decider, hook))

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if self._follow.made < self._upto:
            return self._follow.pick(enabled, current, late)
        return self._decider.pick(enabled, current, late)

    def choose(self, options: Sequence[Task], _: Task | None, __: Sequence[Task]) -> Task:
        """Which waiter is woken is recorded like any other choice."""
        if self._follow.made < self._upto:
            return self._follow.pick(options, None, ())
        chosen: Task = self._choose(options, None, ())
        return chosen

    def left_over(self) -> Divergence | None:
        """What to say when the program has ended within the prefix."""
        if self._follow.made < self._upto:
            return Divergence(
                f"the program ended after {self._follow.made} choices; "
                f"the part to follow has {self._upto}"
            )
        ended: Divergence | None = getattr(self._decider, "left_over", lambda: None)()
        return ended
