"""Orders that are given: choices that a machine recorded, or names that a human wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_racecheck.engine.schedule import Schedule, check_digits, running_check
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence


class Replay:
    """Follow a schedule exactly; leaving it is a divergence, said at the step where it happens."""

    grade: str | None = None
    preemptions: int | None = None

    def __init__(self, schedule: Schedule) -> None:
        self.name = "replay"
        self.found_by = schedule.strategy
        self._schedule = schedule

    def deciders(self) -> Iterator[Decider]:
        """Yield the one decider that follows the schedule."""
        yield Follow(self._schedule)


class Follow:
    """Decide as recorded, and compare the operations met with the recorded check digits."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._every = schedule.check_every
        self._sum = 0
        self.made = 0

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        choices = self._schedule.choices
        if self.made == len(choices):
            raise Divergence(
                f"the schedule has {len(choices)} choices, but the program asked for one more"
            )
        index = choices[self.made]
        self.made += 1
        for task in (*enabled, *late):
            if task.index == index:
                self._sum = running_check(index, task.pending[0], self._sum)
                self._check(task)
                return task
        able = ", ".join(f"{task.index} ({task.path})" for task in (*enabled, *late))
        raise Divergence(
            f"choice {self.made}: the schedule moves task {index}, but only {able} can"
        )

    def left_over(self) -> Divergence | None:
        """What to say when the program has ended and the schedule has not."""
        left = len(self._schedule.choices) - self.made
        if not left:
            return None
        return Divergence(
            f"the program ended after {self.made} choices; the schedule has {left} more"
        )

    def _check(self, task: Task) -> None:
        if self.made % self._every == 0 or self.made == len(self._schedule.choices):
            block = (self.made - 1) // self._every
            if check_digits(self._sum) != self._schedule.checks[block * 2 : block * 2 + 2]:
                raise Divergence(
                    f"choice {self.made}: the last operations are not the recorded ones "
                    f"(now: {task.path} about to {task.pending[0]})"
                )


class Scripted:
    """Follow the order of names that a human wrote; a name stands for one scheduling point."""

    grade: str | None = None
    preemptions: int | None = None

    def __init__(self, script: Sequence[str]) -> None:
        self.name = "scripted"
        self._script = tuple(script)

    def deciders(self) -> Iterator[Decider]:
        """Yield the one decider that follows the script."""
        yield _Script(self._script)


class _Script:
    def __init__(self, script: tuple[str, ...]) -> None:
        self._script = script
        self._at = 0

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        while self._at < len(self._script):
            name = self._script[self._at]
            named = [task for task in enabled if name in (task.name, task.path)]
            if named:
                self._at += 1
                return named[0]
            # The body starts the named tasks: it goes on until the one asked for can move.
            return self._not_named(enabled, late, name)
        return current or (enabled or late)[0]

    def left_over(self) -> Divergence | None:
        """What to say when the program has ended and the script has not."""
        if self._at == len(self._script):
            return None
        name = self._script[self._at]
        return Divergence(f"the program ended before step {self._at + 1} of the script, {name!r}")

    def _not_named(self, enabled: Sequence[Task], late: Sequence[Task], name: str) -> Task:
        for task in enabled:
            if task.index == 0 and name not in (task.name, task.path):
                return task
        able = ", ".join(task.name for task in (*enabled, *late))
        raise Divergence(f"step {self._at + 1} of the script is {name!r}, but only {able} can move")
