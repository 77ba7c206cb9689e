"""What the watch of a search saw, confirmed where it can be, and put into the finding.

*Predict, then confirm*: a cycle in the lock order is a suspicion.  Only the schedule that is made
for it and ends in the deadlock is a finding; what it does not confirm stays a remark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pytest_racecheck.diagnosis.explain import short_names
from pytest_racecheck.diagnosis.patterns import LOCK_ORDER
from pytest_racecheck.diagnosis.sightings import (
    CONFIRMED,
    IMPOSSIBLE,
    NOT_CONFIRMED,
    NOT_TRIED,
    Access,
    LockCycle,
    LockEdge,
    LockGraph,
    Race,
)
from pytest_racecheck.diagnosis.verdict import Finding, Verdict
from pytest_racecheck.engine.data_races import Seen
from pytest_racecheck.engine.explore import Exploration, Runner, search
from pytest_racecheck.engine.failure import place
from pytest_racecheck.engine.lock_cycles import Cycle
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.targeted import TRIES, Stop, Targeted
from pytest_racecheck.engine.watching import Orders, Sighting, Watch

#: Races in a finding; the rest is counted in a remark.
MAX_RACES = 50


def hunted(runner: Runner, found: Exploration, seed: int, seconds: float) -> Exploration:
    """``found``; or, where nothing failed and a deadlock is possible, what its own schedule did."""
    runner.watch.end()
    cycles = [cycle for cycle, _ in runner.watch.cycles]
    everything = found.finished and found.grade == "exhausted"
    if not cycles or everything or found.failed or found.lost or found.divergence:
        return found
    targets = [[Stop(e.path, e.mark, e.arrival) for e in cycle] for cycle in cycles]
    targeted = Targeted(targets, seed)
    more = search(runner, targeted, executions=TRIES * len(cycles), seconds=seconds)
    found.hunted = more.executions
    if more.failed is None:
        found.lost += more.lost
        return found
    more.hunted = more.executions
    more.first_failure = found.executions + (more.first_failure or 0)
    more.executions += found.executions
    more.seconds += found.seconds
    more.first = found.first or more.first
    for name in ("leftovers", "uncontrolled"):
        ours, theirs = getattr(more, name), getattr(found, name)
        ours[:0] = [text for text in theirs if text not in ours]
    return more


def watched_again(runner: Runner, found: Exploration, finding: Finding) -> Finding:
    """A failure has the lock order of its own execution, so that a replay tells the same."""
    if finding.schedule is None or finding.verdict is not Verdict.REPRODUCED:
        return finding
    before, runner.watch = runner.watch, Watch(lock_order=True)
    runner.replay(Schedule.parse(finding.schedule))
    again, runner.watch = runner.watch, before
    return replace(finding, lock_order=_graph(again, found))


def riders(watch: Watch, found: Exploration) -> dict[str, Any]:
    """The fields of the finding that say what rode along."""
    graph = _graph(watch, found)
    races = _races(list(watch.races.values()))
    remarks = [graph.remark(c) for c in graph.cycles if c.outcome == NOT_CONFIRMED] if graph else []
    if len(races) > MAX_RACES:
        remarks.append(f"{len(races) - MAX_RACES} more data races are left out")
    return {"lock_order": graph, "races": tuple(races[:MAX_RACES]), "remarks": tuple(remarks)}


def named(finding: Finding) -> Finding:
    """A deadlock that the lock order foretold has its name, also where semaphores are the locks."""
    graph, why = finding.lock_order, finding.explanation
    if graph is None or why is None or why.pattern is not None:
        return finding
    for cycle in graph.cycles:
        if cycle.outcome == CONFIRMED:
            sentence = graph.ring(cycle)
            return replace(finding, explanation=replace(why, pattern=LOCK_ORDER, sentence=sentence))
    return finding


# --- locks ------------------------------------------------------------------------------------


def _graph(watch: Watch, found: Exploration) -> LockGraph | None:
    orders = watch.orders
    if orders is None:
        return None
    edges: dict[LockEdge, int] = {}
    for one in orders.edges:
        edges.setdefault(_edge(one, orders), len(edges))
    cycles = []
    for cycle, its_orders in watch.cycles:
        ring = [_edge(one, its_orders) for one in cycle]
        numbers = tuple(edges.setdefault(edge, len(edges)) for edge in ring)
        outcome = _outcome(cycle, found)
        tries = TRIES if outcome == NOT_CONFIRMED else 0
        cycles.append(LockCycle(numbers, outcome, min(tries, found.hunted)))
    return LockGraph(tuple(edges), tuple(cycles))


def _edge(edge: Any, orders: Orders) -> LockEdge:
    names = short_names(orders.tasks)
    locks = _lock_names(orders)
    return LockEdge(
        *(edge.path, names[edge.task]),
        *(locks[edge.held], edge.held_at, locks[edge.wanted], edge.wanted_at),
    )


def _lock_names(orders: Orders) -> dict[int, str]:
    """Two locks of one name are told apart by number, in the order in which they were met."""
    named: dict[int, str] = {}
    used = sorted({n for edge in orders.edges for n in (edge.held, edge.wanted)})
    for name in dict.fromkeys(orders.locks[n] for n in used):
        same = [n for n in used if orders.locks[n] == name]
        for at, number in enumerate(same, start=1):
            named[number] = f"{name} ({at})" if len(same) > 1 else name
    return named


def _outcome(cycle: Cycle, found: Exploration) -> str:
    if found.failed is not None:
        failure = found.failed.failures[0]
        places = set(failure.where.split(" / "))
        stuck = failure.kind == "deadlock" and {e.wanted_at for e in cycle} <= places
        return CONFIRMED if stuck else NOT_TRIED
    if found.finished and found.grade == "exhausted":
        return IMPOSSIBLE
    return NOT_CONFIRMED if found.hunted else NOT_TRIED


# --- data -------------------------------------------------------------------------------------


def _races(sightings: Sequence[Sighting]) -> list[Race]:
    """Those that one call of a built-in container explains come last; else by place."""
    races = []
    for seen in sightings:
        names = short_names(seen.tasks)
        first, second = (_access(side, names) for side in (seen.race.first, seen.race.second))
        races.append(Race(seen.race.variable, first, second, seen.race.whole))
    return sorted(races, key=lambda race: (race.whole, *_where(race.first), *_where(race.second)))


def _where(access: Access) -> tuple[str, int]:
    file, _, line = access.where.rpartition(":")
    return file, int(line) if line.isdigit() else 0


def _access(side: Seen, names: Sequence[str]) -> Access:
    stack = tuple(
        f"{place(code.co_filename, line)} in {code.co_qualname}" for code, line in side.stack
    )
    verb = "reads" if side.reads else "writes"
    return Access(side.path, names[side.task], verb, side.where, stack)
