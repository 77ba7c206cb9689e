"""What random priorities promise: a bug of depth d is missed at most so often.

Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs", ASPLOS 2010: one execution hits a bug of depth d among n tasks and k choices with
probability at least 1/(n * k**(d-1)).  Where we differ: k is not known but learnt, so an execution
counts only if its places were drawn from all k choices; and where the priorities were not obeyed
nothing is promised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Promise:
    """Executions by what was assumed for them, and the largest numbers that were met."""

    drawn: dict[tuple[int, int], int] = field(default_factory=dict)  # (depth, assumed k): how many
    tasks: int = 0  # n
    choices: int = 0  # k
    broken: str | None = None  # why nothing is promised

    def add(
        self, depth: int, assumed: int, choices: int, tasks: int, broken: str | None = None
    ) -> None:
        """One more execution, which made ``choices`` of the ``assumed`` ones."""
        self.merge([[[depth, assumed, 1]], choices, tasks, broken])

    def packed(self) -> list[Any]:
        """All of it as plain data."""
        drawn = [[*drawn_for, number] for drawn_for, number in self.drawn.items()]
        return [drawn, self.choices, self.tasks, self.broken]

    def merge(self, packed: list[Any]) -> None:
        """The executions of another promise, ``packed``, count as well."""
        drawn, choices, tasks, broken = packed
        for depth, assumed, number in drawn:
            self.drawn[depth, assumed] = self.drawn.get((depth, assumed), 0) + number
        self.choices = max(self.choices, choices)
        self.tasks = max(self.tasks, tasks)
        self.broken = self.broken or broken

    @property
    def depths(self) -> list[int]:
        """The depths that were asked for."""
        return sorted({depth for depth, _ in self.drawn})

    def counted(self, depth: int) -> int:
        """Executions that would find a bug of this depth as often as promised."""
        return sum(
            number
            for (drawn_for, assumed), number in self.drawn.items()
            if drawn_for >= depth and assumed >= self.choices
        )

    def miss(self, depth: int) -> float:
        """The probability, at most, that all of them miss a bug of depth at most ``depth``.

        Places drawn from fewer choices than there are may be all too early: those executions do not
        count.  One for a greater depth counts as what it promises for that greater one.
        """
        missed = 1.0
        for (drawn_for, assumed), number in self.drawn.items():
            if drawn_for >= depth and assumed >= self.choices:
                missed *= (1.0 - hit(self.tasks, assumed, drawn_for)) ** number
        return missed


def hit(tasks: int, choices: int, depth: int) -> float:
    """How likely one execution is, at least, to meet a bug of this depth."""
    return float(1.0 / (max(tasks, 1) * max(choices, 1) ** (depth - 1)))
