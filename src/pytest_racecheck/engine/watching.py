"""What rides along on a search: the lock order of a few executions, the data races of all.

The order in which locks are taken is much the same in every execution, so it is looked at in the
first few, and then in ever fewer of them: it costs next to nothing and needs no option.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_racecheck.engine.data_races import DataRaces, FoundRace
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.lock_cycles import MAX_CYCLES, Cycle, lock_cycles, pattern
from pytest_racecheck.engine.lock_order import Edge, LockOrder

#: So many executions are looked at, and after them those whose number is a power of four.
FIRST = 2


@dataclass(frozen=True, slots=True)
class Orders:
    """The edges of one execution, what its locks are called, and what its tasks are called."""

    edges: tuple[Edge, ...]
    locks: dict[int, str]
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A race, and what the tasks of its execution are called."""

    race: FoundRace
    tasks: tuple[str, ...]


class Watch:
    """Installs the listeners before an execution, and keeps what they heard."""

    def __init__(self, *, lock_order: bool = False, races: bool = False) -> None:
        self._lock_order = lock_order
        self._races = races
        self._executions = 0
        self.orders: Orders | None = None  # of the first execution, or the first with a cycle
        self.cycles: list[tuple[Cycle, Orders]] = []
        self.races: dict[tuple[str, str], Sighting] = {}

    def end(self) -> None:
        """The search is over: what is still run is to explain, to replay, to doubt."""
        self._lock_order = self._races = False

    def before(self, execution: Execution) -> None:
        """Called before each execution."""
        self._executions += 1
        if self._lock_order and _is_looked_at(self._executions):
            execution.lock_order = LockOrder()
        if self._races:
            execution.clocks = {}
            execution.data_races = DataRaces(execution)

    def after(self, execution: Execution) -> None:
        """Called after each execution."""
        names = tuple(task.name for task in execution.tasks)
        if execution.lock_order is not None:
            self._keep_orders(execution.lock_order, names)
            execution.lock_order = None
        if execution.data_races is not None:
            for race in execution.data_races.found:
                pair = (race.first.where, race.second.where)
                if pair not in self.races and pair[::-1] not in self.races:
                    self.races[pair] = Sighting(race, names)
            execution.data_races = None  # it holds objects of the body

    def _keep_orders(self, heard: LockOrder, names: tuple[str, ...]) -> None:
        edges = heard.edges
        if not edges:
            return
        orders = Orders(tuple(edges), heard.names, names)
        known = {pattern(cycle) for cycle, _ in self.cycles}
        new = [c for c in lock_cycles(edges) if pattern(c) not in known]
        if self.orders is None or (new and not self.cycles):
            self.orders = orders
        self.cycles += [(cycle, orders) for cycle in new[: MAX_CYCLES - len(self.cycles)]]


def _is_looked_at(number: int) -> bool:
    return number <= FIRST or (number & (number - 1) == 0 and number.bit_length() % 2 == 1)
