"""Pairs of sites that nearly met: how long to hold the first, how likely, and when to give up."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pytest_racecheck.errors import UsageError

MEET, READY, CLOSE = "meet", "ready", "close"
KINDS = (MEET, READY, CLOSE)

#: The largest gap that makes a pair, and the longest delay: Waffle's 100 ms.
WINDOW_S = 0.1
LONGEST_S = 0.115
#: Waffle's factor is 1.15, and there is no margin.  Here another thread may come so much later than
#: the last time, since it waits for the interpreter's lock up to 5 ms, and for a processor.
FACTOR = 1.25
MARGIN_S = 0.006
PATIENT_S = 0.03
SELDOM = 0.02
MENDED = 3
#: After so many delays in vain a near miss does not make a pair likely again (TSVD).
FRUITLESS = 10
#: Seen so often that the delay held the other up as well, the pair counts as ordered.
ORDERED = 2
MOST_PAIRS = 500
LONGEST_KEY = 400


@dataclass(slots=True)
class Pair:
    """Two sites, the earlier one first; of kind READY or CLOSE the first alone is delayed.

    ``gap_s`` is the largest gap seen, of a meeting the smallest (Waffle has no meetings, TSVD no
    gaps); ``visits`` are the delays in vain since it was last likely.  It was the ``passage``-th
    time in its run that somebody came to ``first``; ``leads_on``: the same thread then did more to
    the object in the same function.
    """

    kind: str
    first: str
    second: str
    gap_s: float
    visits: int = 0
    fruitless: int = 0
    ordered: int = 0
    found: bool = False
    passage: int = 0
    leads_on: bool = False

    @property
    def probability(self) -> float:
        """That the next visit is delayed: TSVD's 0.99, less 0.1 for each delay in vain."""
        if self.found:
            return 1.0
        return 0.0 if self.ordered >= ORDERED else max(0.0, 0.99 - 0.1 * self.visits)

    def holds(self, site: str) -> bool:
        """Whether a thread may be held at ``site``.

        The earlier one of a near miss has to wait for the later one; where that was in vain, they
        may have changed places.  (TSVD holds whoever writes, earlier or later.)
        """
        later = self.kind == MEET and not self.found and self.fruitless > 0
        return site == self.first or (later and site == self.second)

    def fits(self, passage: int) -> bool:
        """Whether this is the passage of the near miss, or that is not known."""
        return self.found or passage == self.passage or self.fruitless > 0

    @property
    def delay_s(self) -> float:
        """Longer than the gap, and the longer the more delays were in vain.

        Who was caught once is waited for patiently: the delay ends when they come.
        """
        if self.found and self.kind == MEET:
            return min(max(2 * self.gap_s, PATIENT_S), LONGEST_S)
        wanted = self.gap_s * FACTOR + MARGIN_S
        return min(wanted * (1 + self.visits / 2), LONGEST_S)

    def in_vain(self) -> None:
        """Nobody came; who was caught once is given up after some times: it may be mended."""
        self.visits += 1
        self.fruitless += 1
        if self.found and self.visits >= MENDED:
            self.found = False

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": self.kind,
            "first": self.first,
            "second": self.second,
            "gap_s": round(self.gap_s, 6),
            "visits": self.visits,
            "fruitless": self.fruitless,
            "ordered": self.ordered,
            "found": self.found,
            "passage": self.passage,
            "leads_on": self.leads_on,
        }

    @staticmethod
    def of_json(data: object) -> Pair:
        """What ``as_json`` gave.  Raises UsageError for anything else."""
        if not isinstance(data, dict):
            raise UsageError("a pair is no object")
        kind, first, second = (data.get(name) for name in ("kind", "first", "second"))
        counts = [data.get(name) for name in ("visits", "fruitless", "ordered", "passage")]
        gap, found, leads_on = (data.get(name) for name in ("gap_s", "found", "leads_on"))
        if kind not in KINDS or not (_is_key(first) and _is_key(second)):
            raise UsageError("a pair has no kind that we know, or no sites")
        if not all(type(n) is int and 0 <= n < 10**9 for n in counts):
            raise UsageError("a pair has a count that is none")
        if isinstance(gap, bool) or not isinstance(gap, (int, float)) or not 0 <= gap <= 3600:
            raise UsageError("a pair has a gap that is none")
        if not (isinstance(found, bool) and isinstance(leads_on, bool)):
            raise UsageError("a pair does not say whether it was found, or leads on")
        visits, fruitless, ordered, passage = (int(n) for n in counts if n is not None)
        texts = (str(kind), str(first), str(second))
        return Pair(*texts, float(gap), visits, fruitless, ordered, found, passage, leads_on)


def _is_key(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST_KEY


class Pairs:
    """The pairs of one test, from run to run; ``learns``: near misses make new ones."""

    def __init__(self, known: Iterable[Pair] = (), *, learns: bool = True) -> None:
        self._learns = learns
        self._pairs: dict[tuple[str, str, str], Pair] = {}
        self._at: dict[str, list[Pair]] = {}
        self._lock = threading.Lock()
        for pair in known:
            self._enter(pair)

    def __iter__(self) -> Iterator[Pair]:
        return iter(list(self._pairs.values()))

    def __len__(self) -> int:
        return len(self._pairs)

    def near_miss(
        self,
        kind: str,
        first: str,
        second: str,
        gap_s: float,
        passage: int,
        *,
        disturbed: bool = False,
    ) -> None:
        """The two came within ``gap_s``; ``disturbed``: a delay of ours is a part of that."""
        if not self._learns:
            return
        with self._lock:
            pair = self._pairs.get((kind, first, second))
            if pair is None:
                if len(self._pairs) < MOST_PAIRS and max(len(first), len(second)) <= LONGEST_KEY:
                    self._enter(Pair(kind, first, second, gap_s, passage=passage))
                return
            if not disturbed:
                if kind != MEET or gap_s <= pair.gap_s:
                    pair.passage = passage
                pair.gap_s = (min if kind == MEET else max)(pair.gap_s, gap_s)
            if pair.fruitless < FRUITLESS:
                pair.visits = 0

    def caught(self, first: str, second: str, gap_s: float) -> Pair:
        """Who was held at ``first`` met who came to ``second``, ``gap_s`` later."""
        with self._lock:
            pair = self._pairs.get((MEET, first, second))
            if pair is None:
                pair = Pair(MEET, first, second, gap_s)
                self._enter(pair)
            pair.gap_s = max(pair.gap_s, gap_s)
            pair.found, pair.visits = True, 0
        return pair

    def named(self, site: str) -> list[Pair]:
        """The pairs that this site is a part of."""
        return self._at.get(site, [])

    def live_at(self, site: str) -> bool:
        """Whether anything might still be held or found because of ``site``."""
        known = self._at.get(site)
        return known is not None and any(pair.probability > 0 for pair in known)

    def live_in(self, prefix: str) -> bool:
        """The same of all sites of a function."""
        return any(
            pair.probability > 0 and any(s.startswith(prefix) for s in (pair.first, pair.second))
            for pair in self
        )

    def due(self, site: str, kinds: tuple[str, ...], draw: float, passage: int) -> Pair | None:
        """The pair for which this visit of ``site`` is to be delayed; ``draw`` decides.

        The one that was tried least, then the one with the shortest delay.  What was a near miss
        at a certain passage is held there, and seldom at another one: a delay moves all that the
        thread does afterwards as well.  (TSVD and Waffle hold at every passage.)
        """
        likely = [
            pair
            for pair in self._at.get(site, ())
            if pair.kind in kinds
            and pair.holds(site)
            and draw < pair.probability * (1.0 if pair.fits(passage) else SELDOM)
        ]
        return min(likely, key=lambda p: (not p.found, p.fruitless, p.gap_s), default=None)

    def leads_on(self, site: str) -> None:
        """Who was at ``site`` did more to the same object in the same function."""
        for pair in self._at.get(site, ()):
            if pair.first == site:
                pair.leads_on = True

    def order(self, site: str, later: str) -> None:
        """A delay at ``site`` held up who came to ``later`` next: something orders the two."""
        for sites in {(site, later), (later, site)}:
            pair = self._pairs.get((MEET, *sites))
            if pair is not None and not pair.found:
                pair.ordered += 1

    def only(self, kept: Iterable[Pair]) -> Pairs:
        """A book with copies of these alone, each certain to be delayed; it learns nothing."""
        copies = [replace(pair, found=True, visits=0) for pair in kept]
        return Pairs(copies, learns=False)

    def _enter(self, pair: Pair) -> None:
        self._pairs[pair.kind, pair.first, pair.second] = pair
        for site in {pair.first, pair.second}:
            self._at.setdefault(site, []).append(pair)
