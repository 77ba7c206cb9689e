"""Several strategies in turn, because no single one wins; a small body is exhausted on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_racecheck.engine.strategies.base import Decider, Strategy
from pytest_racecheck.engine.strategies.pct import PCT
from pytest_racecheck.engine.strategies.promise import Promise
from pytest_racecheck.engine.strategies.sampling import Sampling

#: After so many rounds without a failure the systematic member gets as many turns as all others.
SAMPLING_ROUNDS = 100


class Portfolio(Sampling):
    """Take one execution of each strategy in turn; stop when the first one has covered everything.

    The first one is the systematic member; one that is given twice has two turns a round.  What the
    others have not found in many rounds they will hardly find soon, whereas each execution of the
    systematic one brings a proof nearer.
    """

    name = "portfolio"
    only_draws = False  # True: leave the systematic member out

    def __init__(self, systematic: Strategy, others: Sequence[Sampling]) -> None:
        self._systematic = systematic
        self._others = others
        self._members = list(dict.fromkeys(others))
        self._branches: Iterator[Decider] | None = None
        self.current = systematic.name
        self.member: Strategy = systematic

    @property
    def grade(self) -> str | None:  # type: ignore[override]
        """What the systematic member has covered so far."""
        return self._systematic.grade

    @property
    def preemptions(self) -> int | None:  # type: ignore[override]
        """The bound that the systematic member has finished, if any."""
        return self._systematic.preemptions

    @property
    def promise(self) -> Promise | None:
        """What the member with random priorities promises for its own executions."""
        return next((s.promise for s in self._others if isinstance(s, PCT)), None)

    @property
    def reduces(self) -> bool:
        """Whether the systematic member lets one schedule stand for many."""
        return getattr(self._systematic, "reduces", False)

    def _turn(self, n: int) -> tuple[int | None, int]:
        """Whose execution ``n`` is: the number of the member (None: the systematic one's), and
        its own number for it."""
        others = len(self._others)
        early = SAMPLING_ROUNDS * (others + 1)
        if self.only_draws:
            round_, at = divmod(n, others)
        elif n < early or not others:
            round_, at = divmod(n, others + 1)
            at -= 1
        else:
            round_, at = divmod(n - early, 2 * others)
            round_, at = round_ + SAMPLING_ROUNDS, at - others
        return (None, round_) if at < 0 else (at, self._own(at, round_))

    def _own(self, at: int, round_: int) -> int:
        member = self._others[at]
        turns = sum(other is member for other in self._others)
        return round_ * turns + sum(other is member for other in self._others[:at])

    def own_number(self, n: int) -> int:
        """The number of execution ``n`` for the member that makes it."""
        return self._turn(n)[1]

    def is_systematic(self, n: int) -> bool:
        """Whether the systematic member makes execution ``n``."""
        return self._turn(n)[0] is None

    def decider(self, n: int) -> Decider | None:
        """The next one of the member whose turn it is; None when the systematic one is through."""
        member, own = self._turn(n)
        self.member = self._systematic if member is None else self._others[member]
        self.current = self.member.name
        if member is None:
            if self._branches is None:
                self._branches = self._systematic.deciders()
            return next(self._branches, None)
        return self._others[member].decider(own)

    def note(self, n: int, decider: Decider) -> None:
        """To the member that has made the execution."""
        member, own = self._turn(n)
        if member is not None:
            self._others[member].note(own, decider)

    def take_in(self) -> None:
        """Each of the members does."""
        for other in self._members:
            other.take_in()

    def told(self) -> Any:
        """Of each member."""
        return [other.told() for other in self._members]

    def hear(self, told: Any) -> None:
        """To each member."""
        for other, of_one in zip(self._members, told, strict=True):
            other.hear(of_one)
