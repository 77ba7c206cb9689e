"""Schedules that stop each task of a potential deadlock before its second lock.

Joshi, Park, Sen, Naik, "A Randomized Dynamic Program Analysis Technique for Detecting Real
Deadlocks", PLDI 2009.  The first try of each differs from a run without preemptions in the stops
alone; the others draw who moves meanwhile, and then also where a task is stopped.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_racecheck.engine.recording import Landmark, Witness
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task

TRIES = 5


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a task, named by birth, is to be stopped: at its ``arrival``-th coming to ``mark``."""

    path: str
    mark: Landmark
    arrival: int


class Targeted:
    """A few tries for each of several sets of stops."""

    name = "targeted"
    grade: str | None = None
    preemptions: int | None = None

    def __init__(self, targets: Sequence[Sequence[Stop]], seed: int) -> None:
        self._targets = targets
        self._seed = seed

    def deciders(self) -> Iterator[Decider]:
        """Yield the tries of one target after those of the other."""
        for at, stops in enumerate(self._targets):
            for n in range(TRIES):
                draw = None if n == 0 else random.Random(f"{self._seed}/{at}/{n}")
                yield StopAll(stops, draw)


class StopAll:
    """Holds tasks back at their stops until all stand there, or nobody else can move."""

    def __init__(self, stops: Sequence[Stop], draw: random.Random | None) -> None:
        self._stops = {stop.path: stop for stop in stops}
        self._draw = draw
        self._witness = Witness()
        self._times: dict[str, int] = {}
        self._stopped: set[str] = set()
        self._let_go = False

    def performed(self, task: Task) -> None:
        """``task`` has come to its next operation: perhaps it is the one to stop it at."""
        stop = self._stops.get(task.path)
        if stop is None or task.path in self._stopped:
            return
        self._witness.arrived(task)
        at = self._witness.before(task)
        if (at.label, at.function, at.line) == (
            stop.mark.label,
            stop.mark.function,
            stop.mark.line,
        ):
            times = self._times[task.path] = self._times.get(task.path, 0) + 1
            # A later try takes any coming for the right one, now and then.
            if times == stop.arrival or (self._draw is not None and self._draw.random() < 0.5):
                self._stopped.add(task.path)
                self._let_go = len(self._stopped) == len(self._stops)

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """Anybody who is not stopped; who was stopped first when there is nobody else."""
        free = [t for t in enabled if self._let_go or t.path not in self._stopped]
        if not free:
            self._let_go = True
            return (enabled or late)[0]
        if self._draw is not None:
            return self._draw.choice(free)
        return current if current in free else free[0]
