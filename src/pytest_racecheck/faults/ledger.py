"""What was injected, and how often it fired, added up over all executions of a search."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pytest_racecheck.engine.carrier import allocate_gate, raw_acquire, raw_release
from pytest_racecheck.errors import NeverFired


class Injected(NamedTuple):
    """One injection: ``sentence`` with the line that armed it; how often reached, and fired."""

    sentence: str
    reached: int = 0
    fired: int = 0
    needed: bool = True

    def told(self) -> str:
        """One line."""
        if not self.reached:
            return f"{self.sentence}: never reached"
        return f"{self.sentence}: fired {self.fired:,} of {self.reached:,} times reached"


class Ledger:
    """The counts of one search, by sentence."""

    def __init__(self) -> None:
        self._counts: dict[str, Injected] = {}
        self._mutex = allocate_gate()

    def note(self, sentence: str, needed: bool, reached: int = 0, fired: int = 0) -> None:
        """Add to what is known of one injection."""
        raw_acquire(self._mutex)
        try:
            before = self._counts.get(sentence, Injected(sentence))
            self._counts[sentence] = Injected(
                sentence, before.reached + reached, before.fired + fired, needed
            )
        finally:
            raw_release(self._mutex)

    def told(self) -> tuple[Injected, ...]:
        """All of them, in the order in which they were armed first."""
        return tuple(self._counts.values())


def refuse_unfired(injected: tuple[Injected, ...]) -> None:
    """Raise NeverFired when one that had to fire did not: the run says nothing about it."""
    for one in injected:
        if one.needed and not one.fired:
            reached = f"reached {one.reached} times" if one.reached else "the place was not reached"
            raise NeverFired(
                f"{one.sentence} never fired ({reached}), so that this run says nothing about it; "
                "correct the place, or say unfired_ok=True"
            )


_ledgers: list[Ledger] = []
_run = [0]


def run_number() -> int:
    """Of the run that is under way, where there are several (stress); a part of every seed."""
    return _run[0]


def begin_run(number: int) -> None:
    """Say which run begins."""
    _run[0] = number


def current() -> Ledger | None:
    """Who counts now; None when nobody does, and each injection speaks for itself."""
    return _ledgers[-1] if _ledgers else None


@contextmanager
def counting() -> Iterator[Ledger]:
    """Count what is injected meanwhile."""
    ledger = Ledger()
    _ledgers.append(ledger)
    try:
        yield ledger
    finally:
        _ledgers.remove(ledger)


def take_up(messages: list[Any]) -> None:
    """Add what other processes of the same search have counted, as their reports say."""
    mine = current()
    for message in messages:
        for told in (message or {}).get("injected", ()):
            if mine is not None:
                one = Injected(*told)
                mine.note(one.sentence, one.needed, one.reached, one.fired)
