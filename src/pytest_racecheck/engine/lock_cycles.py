"""Potential deadlocks: cycles of the lock-order graph that tasks could really close together.

Havelund, SPIN 2000 (Goodlock); Joshi, Park, Sen, Naik, "A Randomized Dynamic Program Analysis
Technique for Detecting Real Deadlocks", PLDI 2009: each edge by another task, no lock that two of
them hold (a gate), and no two of them in the order that start and join give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_racecheck.engine.lock_order import Edge

MAX_CYCLES = 4
MAX_LENGTH = 8
#: Extensions of a path that are tried at most; a graph of many tasks has very many alike.
MAX_TRIED = 3_000

Cycle = tuple[Edge, ...]


def lock_cycles(edges: Sequence[Edge]) -> list[Cycle]:
    """At most MAX_CYCLES, one for each set of places, the shortest first."""
    found: dict[frozenset[tuple[str, str]], Cycle] = {}
    search = _Search(edges)
    for length in range(2, MAX_LENGTH + 1):
        for cycle in search.of_length(length):
            found.setdefault(pattern(cycle), cycle)
            if len(found) == MAX_CYCLES:
                return list(found.values())
    return list(found.values())


def pattern(cycle: Cycle) -> frozenset[tuple[str, str]]:
    """Two cycles with the same one are the same mistake."""
    return frozenset((edge.held_at, edge.wanted_at) for edge in cycle)


class _Search:
    def __init__(self, edges: Sequence[Edge]) -> None:
        self._edges = edges
        self._from: dict[int, list[Edge]] = {}
        for edge in edges:
            self._from.setdefault(edge.held, []).append(edge)
        self._tried = 0

    def of_length(self, length: int) -> Iterator[Cycle]:
        """Cycles of so many edges, each once: it begins at its lowest lock."""
        for edge in self._edges:
            yield from self._extend((edge,), length)

    def _extend(self, path: Cycle, length: int) -> Iterator[Cycle]:
        first, last = path[0].held, path[-1].wanted
        if len(path) == length:
            if last == first:
                yield path
            return
        if last <= first:
            return
        for edge in self._from.get(last, ()):
            self._tried += 1
            if self._tried > MAX_TRIED:
                return
            if all(_together(edge, other) for other in path):
                yield from self._extend((*path, edge), length)


def _together(one: Edge, other: Edge) -> bool:
    """Whether two tasks can be at these edges at the same time."""
    apart = one.task != other.task and not one.holding & other.holding
    return apart and not (_before(one, other) or _before(other, one))


def _before(one: Edge, other: Edge) -> bool:
    return other.seen.get(one.task, 0) > one.count
