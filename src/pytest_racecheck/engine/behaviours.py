"""Which classes of schedules a sampling strategy has met, to estimate what it has not met.

Only some executions are looked at, because looking makes them slower; which ones is fixed before
anything is known of them, so those that are looked at are a fair sample of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_racecheck.engine.fingerprint import Watched
from pytest_racecheck.engine.strategies.base import Decider, Strategy

#: So many executions of a strategy are looked at first, then one in so many, and so many at most.
#: The prime keeps step with no strategy that takes several ways to draw in turn.
FIRST, THEN_ONE_IN, AT_MOST = 20, 97, 10_000


#: Name of a strategy, fingerprint, generation (strategies/base.py).
Seen = tuple[str, int, int]


@dataclass
class Tally:
    """The classes of the executions of one strategy that were looked at, in their order."""

    executions: int = 0
    classes: list[int] = field(default_factory=list)
    generation: int = 0
    alike_from: int = 0  # from this entry on, all were drawn alike

    def due(self, number: int | None = None) -> bool:
        """Whether to look at the execution of this number; None: the next one."""
        n = self.executions if number is None else number
        self.executions = n + 1
        return len(self.classes) < AT_MOST and (n < FIRST or n % THEN_ONE_IN == 0)

    def add(self, fingerprint: int, generation: int) -> None:
        """An execution that was looked at has ended."""
        if generation != self.generation:
            self.generation, self.alike_from = generation, len(self.classes)
        self.classes.append(fingerprint)


class Behaviours:
    """A tally for each strategy whose executions are independent draws."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.latest: Seen | None = None  # what the latest execution has added, if anything
        self._watched: tuple[Watched, str, int] | None = None

    def look_at(self, strategy: Strategy, decider: Decider, number: int | None = None) -> Decider:
        """The decider of the next execution, inside one that looks on if that is due.

        ``number`` is that of the execution among those of ``strategy``, when they are not made in
        order.
        """
        generation: int | None = getattr(strategy, "generation", None)
        self._watched = None
        if generation is None:
            return decider
        tally = self.tallies.setdefault(strategy.name, Tally())
        if not tally.due(number):
            return decider
        watched = Watched(decider)
        self._watched = (watched, strategy.name, generation)
        return watched

    def ended(self) -> None:
        """The execution has ended as it should."""
        self.latest = None
        if self._watched is not None:
            watched, name, generation = self._watched
            self.latest = (name, watched.fingerprint, generation)
            self.add(*self.latest)
            self._watched = None

    def add(self, name: str, fingerprint: int, generation: int) -> None:
        """An execution of the strategy ``name`` was of this class."""
        self.tallies.setdefault(name, Tally()).add(fingerprint, generation)
