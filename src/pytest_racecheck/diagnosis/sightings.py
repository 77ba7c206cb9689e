"""What rode along on a search, as a finding has it: the lock order, and data races. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

#: Edges in a drawing; all of them are in the JSON.
MAX_DRAWN = 20
NOT_TRIED = "not tried"
CONFIRMED = "confirmed"
NOT_CONFIRMED = "not confirmed"
IMPOSSIBLE = "ruled out"


@dataclass(frozen=True, slots=True)
class LockEdge:
    """``task`` (a path of birth), called ``name``, took ``wanted`` while it held ``held``."""

    task: str
    name: str
    held: str
    held_at: str
    wanted: str
    wanted_at: str


@dataclass(frozen=True, slots=True)
class LockCycle:
    """Edges (by number) that several tasks could close to a circle, and what became of that.

    ``outcome`` is "confirmed" (a schedule ends in the deadlock), "not confirmed" (``tries``
    schedules made for it did not), "ruled out" (every schedule was run), or "not tried".
    """

    edges: tuple[int, ...]
    outcome: str
    tries: int = 0

    @property
    def called(self) -> str:
        """What may be said of it."""
        if self.outcome == CONFIRMED:
            return "deadlock, confirmed by a schedule"
        tried = f" by {self.tries} schedules made for it" if self.tries else ""
        return f"possible deadlock, {self.outcome}{tried}"


@dataclass(frozen=True, slots=True)
class LockGraph:
    """The lock-order graph of one execution."""

    edges: tuple[LockEdge, ...]
    cycles: tuple[LockCycle, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        cycles = [{**asdict(cycle), "edges": list(cycle.edges)} for cycle in self.cycles]
        return {"edges": [asdict(edge) for edge in self.edges], "cycles": cycles}

    def drawing(self) -> list[str]:
        """A line an edge, and one for each cycle."""
        lines = ["lock order (held -> taken while it was held):"]
        numbers = {n for cycle in self.cycles for n in cycle.edges} or range(len(self.edges))
        width = max((len(self._arrow(n)) for n in numbers), default=0)
        for n in sorted(numbers)[:MAX_DRAWN]:
            edge = self.edges[n]
            at = f"{edge.held_at} -> {edge.wanted_at}"
            lines.append(f"  {self._arrow(n):<{width}}  {edge.name}, {at}")
        if len(numbers) > MAX_DRAWN:
            lines.append(f"  and {len(numbers) - MAX_DRAWN} more")
        return lines + [f"  {self.sentence(cycle)}" for cycle in self.cycles]

    def _arrow(self, n: int) -> str:
        return f"{self.edges[n].held} -> {self.edges[n].wanted}"

    def sentence(self, cycle: LockCycle) -> str:
        """What is said of a cycle."""
        ring = [self.edges[n] for n in cycle.edges]
        locks = " -> ".join([*(edge.held for edge in ring), ring[0].held])
        return f"{cycle.called}: {locks}"

    def remark(self, cycle: LockCycle) -> str:
        """The same with the tasks and places, for where no drawing stands beside it."""
        return f"{cycle.called}: {self.ring(cycle)}"

    def ring(self, cycle: LockCycle) -> str:
        """Who holds what and wants what."""
        said = [
            f"{edge.name} holds {edge.held} (taken at {edge.held_at}) and wants {edge.wanted} "
            f"at {edge.wanted_at}"
            for edge in (self.edges[n] for n in cycle.edges)
        ]
        return f"{', '.join(said[:-1])}, and {said[-1]}"


@dataclass(frozen=True, slots=True)
class Access:
    """One side of a race; ``stack`` is the user's calls, "file.py:12 in f", the innermost first."""

    task: str
    name: str
    verb: str
    where: str
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Race:
    """Two accesses to one variable, at least one of them a write, that nothing orders.

    ``whole``: each is one call of a built-in container, which the interpreter does in one piece.
    """

    variable: str
    first: Access
    second: Access
    whole: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        sides = [{**asdict(a), "stack": list(a.stack)} for a in (self.first, self.second)]
        return {"variable": self.variable, "accesses": sides, "whole": self.whole}

    @property
    def sentence(self) -> str:
        """The race in one line."""
        one, other = self.first, self.second
        whole = "; each is one call of a built-in container" if self.whole else ""
        return (
            f"{self.variable}: {one.name} {one.verb} it at {one.where}, {other.name} "
            f"{other.verb} it at {other.where}, and nothing orders the two{whole}"
        )

    def told(self) -> list[str]:
        """The sentence and both stacks."""
        lines = [f"data race on {self.sentence}"]
        for side in (self.first, self.second):
            lines.append(f"  {side.task} ({side.name}) {side.verb}:")
            lines += [f"    {call}" for call in side.stack]
        return lines


def lock_graph(packed: dict[str, Any] | None) -> LockGraph | None:
    """What ``LockGraph.as_json`` gave."""
    if packed is None:
        return None
    cycles = [LockCycle(**{**c, "edges": tuple(c["edges"])}) for c in packed["cycles"]]
    return LockGraph(tuple(LockEdge(**edge) for edge in packed["edges"]), tuple(cycles))


def race(packed: dict[str, Any]) -> Race:
    """What ``Race.as_json`` gave."""
    first, second = (Access(**{**a, "stack": tuple(a["stack"])}) for a in packed["accesses"])
    return Race(packed["variable"], first, second, packed["whole"])
