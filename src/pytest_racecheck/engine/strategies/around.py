"""Search around a recording: follow it, then move its switches, then few preemptions anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_racecheck.engine.recording import Move
from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.tolerant import Followed, FollowLoosely

#: How many operations earlier or later each switch is tried.
SHIFT = 3


class Around:
    """The recording, its neighbours, and every schedule with at most ``preemptions`` preemptions.

    A fix seldom leaves the operations where they were, so that the one schedule says little.
    """

    name = "around"

    def __init__(self, moves: Sequence[Move], preemptions: int) -> None:
        self._moves = tuple(moves)
        self._everywhere = Exhaustive(preemptions)
        self._first: FollowLoosely | None = None

    @property
    def grade(self) -> str | None:
        """That of the search with few preemptions, which comes last."""
        return self._everywhere.grade

    @property
    def preemptions(self) -> int | None:
        """The number of preemptions up to which every schedule has run, if that is known."""
        return self._everywhere.preemptions

    @property
    def followed(self) -> Followed | None:
        """How far the recording itself was followed, once it has run."""
        return None if self._first is None else self._first.followed()

    def deciders(self) -> Iterator[Decider]:
        """Yield the recording's decider, those of its neighbours, and the others."""
        self._first = FollowLoosely(self._moves)
        yield self._first
        for moves in neighbours(self._moves):
            yield FollowLoosely(moves)
        yield from self._everywhere.deciders()


def neighbours(moves: tuple[Move, ...]) -> Iterator[tuple[Move, ...]]:
    """Each switch up to ``SHIFT`` operations earlier and later; each task keeps its own order."""
    seen = {moves}
    for shift in range(1, SHIFT + 1):
        for at in range(1, len(moves)):
            if moves[at].task == moves[at - 1].task:
                continue
            for made in (_earlier(moves, at, shift), _later(moves, at, shift)):
                if made not in seen:
                    seen.add(made)
                    yield made


def _earlier(moves: tuple[Move, ...], at: int, shift: int) -> tuple[Move, ...]:
    """The task before the switch does its last operations only after the other one's turn."""
    begin = at
    while begin > 0 and at - begin < shift and moves[begin - 1].task == moves[at - 1].task:
        begin -= 1
    end = at
    while end < len(moves) and moves[end].task == moves[at].task:
        end += 1
    return moves[:begin] + moves[at:end] + moves[begin:at] + moves[end:]


def _later(moves: tuple[Move, ...], at: int, shift: int) -> tuple[Move, ...]:
    """The task before the switch does its next operations before it as well."""
    before = moves[at - 1].task
    pulled = [n for n in range(at, len(moves)) if moves[n].task == before][:shift]
    rest = [moves[n] for n in range(at, len(moves)) if n not in pulled]
    return (*moves[:at], *(moves[n] for n in pulled), *rest)
