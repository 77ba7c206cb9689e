"""Programs without threads: what a strategy would be asked, and every answer there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.task import Task

#: One operation: what has to hold before it, and what it does to the shared state.
Step = tuple[Callable[[dict], bool], Callable[[dict], None]]


def always(_: dict) -> bool:
    return True


def nothing(_: dict) -> None:
    pass


def plain(count: int) -> list[Step]:
    """So many operations that concern nobody else."""
    return [(always, nothing)] * count


def acquire(name: str) -> Step:
    """Possible while nobody holds ``name``."""
    return (lambda state: not state.get(name), lambda state: state.__setitem__(name, True))


def release(name: str) -> Step:
    return (always, lambda state: state.__setitem__(name, False))


@dataclass
class Run:
    """One run of a program: who moved, the choices, and how many of them were preemptions."""

    order: list[int] = field(default_factory=list)
    choices: list[int] = field(default_factory=list)
    preemptions: int = 0
    stuck: bool = False


def run(program: Sequence[Sequence[Step]], decider: Decider) -> Run:
    """Let ``decider`` choose wherever more than one task can move, as the engine does."""
    tasks = [Task(n, f"main/{n}", f"task {n}", SimpleNamespace(key=n)) for n in range(len(program))]
    at, state, done, current = [0] * len(program), {}, Run(), None
    while True:
        left = [task for task in tasks if at[task.index] < len(program[task.index])]
        enabled = [task for task in left if program[task.index][at[task.index]][0](state)]
        if not enabled:
            done.stuck = bool(left)
            return done
        going_on = current if current in enabled else None
        chosen = enabled[0]
        if len(enabled) > 1:
            chosen = decider.pick(enabled, going_on, ())
            done.choices.append(chosen.index)
            done.preemptions += going_on is not None and chosen is not going_on
        program[chosen.index][at[chosen.index]][1](state)
        at[chosen.index] += 1
        done.order.append(chosen.index)
        current = chosen


class _Scripted:
    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = list(choices)
        self.options: list[list[int]] = []

    def pick(self, enabled, current, late):
        self.options.append([task.index for task in enabled])
        made = len(self.options) - 1
        index = self._choices[made] if made < len(self._choices) else enabled[0].index
        return next(task for task in enabled if task.index == index)


def every_run(program: Sequence[Sequence[Step]]) -> Iterator[Run]:
    """All runs, by trying every answer at every question: slow, simple, and without a strategy."""
    open_ends: list[list[int]] = [[]]
    while open_ends:
        prefix = open_ends.pop()
        asked = _Scripted(prefix)
        done = run(program, asked)
        yield done
        for at in range(len(prefix), len(done.choices)):
            for index in asked.options[at]:
                if index != done.choices[at]:
                    open_ends.append([*done.choices[:at], index])
