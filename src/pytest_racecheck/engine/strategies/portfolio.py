"""Several strategies in turn, because no single one wins; a small body is exhausted on the way."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_racecheck.engine.strategies.base import Decider, Strategy


class Portfolio:
    """Take one execution of each strategy in turn; stop when one of them has covered everything."""

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

    def deciders(self) -> Iterator[Decider]:
        """Yield deciders round robin; a member that has run out ends the search."""
        turns = [(strategy, strategy.deciders()) for strategy in self._strategies]
        while True:
            for strategy, deciders in turns:
                self.current = strategy.name
                decider = next(deciders, None)
                if decider is None:
                    return
                yield decider
