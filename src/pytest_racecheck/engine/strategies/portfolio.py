"""Several strategies in turn, because no single one wins; a small body is exhausted on the way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from pytest_racecheck.engine.strategies.base import Decider, Strategy

#: After so many rounds without a failure the systematic member gets as many turns as all others.
SAMPLING_ROUNDS = 100


class Portfolio:
    """Take one execution of each strategy in turn; stop when one of them has covered everything.

    The first one is the systematic member; one that is given twice has two turns a round.  What the
    others have not found in many rounds they will hardly find soon, whereas each execution of the
    systematic one brings a proof nearer.
    """

    name = "portfolio"

    def __init__(self, strategies: list[Strategy]) -> None:
        self._strategies = strategies
        self.current = strategies[0].name

    @property
    def grade(self) -> str | None:
        """What the systematic member has covered so far."""
        return next((s.grade for s in self._strategies if s.grade), None)

    @property
    def preemptions(self) -> int | None:
        """The bound that the systematic member has finished, if any."""
        return next((s.preemptions for s in self._strategies if s.preemptions is not None), None)

    @property
    def reduces(self) -> bool:
        """Whether the systematic member lets one schedule stand for many."""
        return any(getattr(s, "reduces", False) for s in self._strategies)

    def deciders(self) -> Iterator[Decider]:
        """Yield deciders round robin; a member that has run out ends the search."""
        each = {id(strategy): strategy.deciders() for strategy in self._strategies}
        turns = [(strategy, each[id(strategy)]) for strategy in self._strategies]
        for at in count():
            later = turns[1:] and at >= SAMPLING_ROUNDS
            for strategy, deciders in turns[:1] * (len(turns) - 2) + turns if later else turns:
                self.current = strategy.name
                decider = next(deciders, None)
                if decider is None:
                    return
                yield decider
