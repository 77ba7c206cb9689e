"""Programs whose only bug has a known depth: they fail in exactly the orders that meet constraints.

A constraint says that one step comes before a step of another task.  The depth of the bug, the
least number of such constraints that suffice for it, is counted over all orders of the steps.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from random import Random

#: (task, its step)
Step = tuple[int, int]
Order = Sequence[Step]
#: Orders of the steps of one program, at most: more of them take too long to go through.
MOST_ORDERS = 2500
DEEPEST = 3


@dataclass(frozen=True)
class DepthProgram:
    """So many steps a task; it fails when each constraint (earlier, later) is met.

    A ``narrow`` one fails only when each change of tasks comes at one certain step, for which the
    bound of random priorities is nearly exact; of the others it is far from that.
    """

    level: str
    steps: tuple[int, ...]
    constraints: tuple[tuple[Step, Step], ...]
    depth: int
    narrow: bool = False

    def fails(self, order: Order) -> bool:
        at = {step: n for n, step in enumerate(order)}
        return all(at[earlier] < at[later] for earlier, later in self.constraints)

    def body(self, noted: list[Step]) -> None:
        """Run the program once, into ``noted``, which is emptied before."""
        noted.clear()
        work = locks if self.level == "sync" else writes
        # A method taken as a value is no point, so a step and its note are one piece.
        note = noted.append
        tasks = [
            threading.Thread(target=work, args=(n, count, note))
            for n, count in enumerate(self.steps)
        ]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join()
        assert not self.fails(noted)


class Cell:
    value = -1


def writes(task, count, note):
    cell, step = Cell(), 0
    while step < count:
        cell.value = step
        note((task, step))
        step += 1


def locks(task, count, note):
    lock = threading.Lock()
    for step in range(count):
        if step % 2:
            lock.release()
        else:
            lock.acquire()
        note((task, step))


def orders(steps: Sequence[int]) -> list[list[Step]]:
    """Every order of the steps."""
    found: list[list[Step]] = []

    def go_on(done: list[int], order: list[Step]) -> None:
        if len(order) == sum(steps):
            found.append(order)
        for task, count in enumerate(steps):
            if done[task] < count:
                later = [*done]
                later[task] += 1
                go_on(later, [*order, (task, done[task])])

    go_on([0] * len(steps), [])
    return found


def depth_of(steps: Sequence[int], failing: int, positions: list[dict[Step, int]]) -> int:
    """The least number of constraints that only failing orders meet (one bit an order)."""
    everything = [(task, step) for task, count in enumerate(steps) for step in range(count)]
    singles = [
        sum(1 << n for n, at in enumerate(positions) if at[one] < at[other])
        for one in everything
        for other in everything
        if one[0] != other[0]
    ]
    for depth in range(1, DEEPEST + 1):
        for chosen in combinations(singles, depth):
            met = chosen[0]
            for one in chosen[1:]:
                met &= one
            if met and not met & ~failing:
                return depth
    return DEEPEST + 1


def generated(seed: int, wanted: int) -> Iterator[DepthProgram]:
    """Programs of depth ``wanted``, all different: levels in turn, every other pair narrow."""
    random, made = Random(f"{seed}/{wanted}"), set()
    known: dict[tuple[int, ...], list[dict[Step, int]]] = {}
    while True:
        narrow = len(made) % 4 >= 2
        steps, constraints = _narrow(random, wanted) if narrow else _wide(random, wanted)
        if steps not in known:
            all_orders = orders(steps) if sum(steps) <= 10 else []
            known[steps] = [{step: n for n, step in enumerate(o)} for o in all_orders]
        positions = known[steps]
        if not 2 <= len(positions) <= MOST_ORDERS:
            continue
        failing = sum(
            1 << n
            for n, at in enumerate(positions)
            if all(at[one] < at[other] for one, other in constraints)
        )
        if failing and depth_of(steps, failing, positions) == wanted:
            level = ("sync", "access")[len(made) % 2]
            program = DepthProgram(level, steps, constraints, wanted, narrow)
            if program not in made:
                made.add(program)
                yield program


def _narrow(random: Random, wanted: int) -> tuple[tuple[int, ...], tuple[tuple[Step, Step], ...]]:
    """Two tasks that have to change ``wanted`` times, each time between two certain steps."""
    steps = (random.randint(2, 5), random.randint(2, 5))
    at = [random.randrange(count - (wanted - n) // 2) for n, count in enumerate(steps)]
    chain = [(n % 2, at[n % 2] + n // 2) for n in range(wanted + 1)]
    return steps, tuple(pairwise(chain))


def _wide(random: Random, wanted: int) -> tuple[tuple[int, ...], tuple[tuple[Step, Step], ...]]:
    """Any constraints between any tasks."""
    steps = tuple(random.randint(1, 4) for _ in range(random.randint(2, 4)))
    return steps, tuple(_constraint(random, steps) for _ in range(wanted))


def _constraint(random: Random, steps: Sequence[int]) -> tuple[Step, Step]:
    one, other = random.sample(range(len(steps)), 2)
    return (one, random.randrange(steps[one])), (other, random.randrange(steps[other]))
