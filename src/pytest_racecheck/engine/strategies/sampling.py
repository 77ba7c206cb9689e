"""Sampling strategies by number: execution n can be made by itself, so that processes share them.

What such a strategy learns from earlier executions it takes in at fixed numbers only: after each of
the first ones, then whenever their number has doubled.  Execution n is thus a function of the seed,
of n and of all executions up to the last such number, whoever has made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from pytest_racecheck.engine.strategies.base import Decider

#: Until this number something is taken in after every execution; a power of two.
EAGER = 64


def takes_in_before(n: int) -> bool:
    """Whether what was seen so far counts from execution ``n`` (from 0) on."""
    return n <= EAGER or n & (n - 1) == 0


def next_stop(n: int) -> int:
    """The first number above ``n``, of those from ``EAGER`` on, before which something counts."""
    stop = EAGER
    while stop <= n:
        stop *= 2
    return stop


class Sampling:
    """A strategy without an end; who learns something overrides the four methods for that."""

    name: str
    grade: str | None = None
    preemptions: int | None = None
    draws = True
    generation: int | None = None

    def decider(self, n: int) -> Decider | None:
        """The decider of execution ``n`` (from 0); None when there is nothing left to try."""
        raise NotImplementedError

    def own_number(self, n: int) -> int:
        """Of a strategy that is made of several: the number of execution ``n`` for its member."""
        return n

    def is_systematic(self, n: int) -> bool:
        """Whether execution ``n`` depends on all before it, so that one process makes all such."""
        return False

    def note(self, n: int, decider: Decider) -> None:
        """Execution ``n`` has ended: keep what it showed, without using it yet."""

    def take_in(self) -> None:
        """From now on use all that was noted."""

    def told(self) -> Any:
        """All that was noted, as plain data for ``hear`` of another process."""

    def hear(self, told: Any) -> None:
        """Note what another process has noted; in which order several are heard is no matter."""

    def deciders(self) -> Iterator[Decider]:
        """Yield the deciders in the order of their numbers."""
        for n in count():
            if takes_in_before(n):
                self.take_in()
            while (decider := self.decider(n)) is not None:
                try:
                    yield decider
                finally:  # also behind the last one, when nobody asks for more
                    self.note(n, decider)
                if not was_redundant(decider):
                    break
            if decider is None:
                return


def was_redundant(decider: Decider) -> bool:
    """Whether the execution ended early and does not count: its number is given once more."""
    execution = getattr(decider, "execution", None)
    return execution is not None and bool(execution.redundant)
