"""Every class of equivalent schedules once: dynamic partial-order reduction with source sets.

Two schedules are equivalent when one becomes the other by swapping neighbouring operations that do
not touch the same thing.  Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order
Reduction", POPL 2014 (source sets); Godefroid, "Partial-Order Methods for the Verification of
Concurrent Systems", 1996 (sleep sets).  Where we differ: what an event touches is known when it is
over, so races are looked for at the end of an execution; and a time-out that may fire early, and
which waiter a notify wakes, are branches that are always taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_racecheck.engine.strategies.base import Decider
from pytest_racecheck.engine.strategies.events import NEW, Events, Named, Recorder, independent
from pytest_racecheck.engine.strategies.races import analyse, blocked_races, initials
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence, Redundant

#: Per task that need not move now: what its next event touches, and the objects known by then.
Sleep = dict[int, tuple[list[Named], int]]


@dataclass(slots=True)
class Node:
    """One choice on the path to the present execution, and what has to be tried there."""

    at: int  # the event that it chooses (or, of a value, the event within which it is drawn)
    enabled: tuple[int, ...]
    known: int  # how many objects were known
    chosen: int
    todo: list[int]
    sleep: Sleep
    is_value: bool = False  # which waiter is woken, and the like: every option is tried
    done: Sleep = field(default_factory=dict)


class Reduced:
    """Run one schedule of every class; ``grade`` is "exhausted" when all have run."""

    name = "exhaustive"
    preemptions: int | None = None
    reduces = True

    def __init__(self) -> None:
        self.grade: str | None = None
        self.redundant = 0  # executions that were ended early
        self.stack: list[Node] = []
        self.events = Events()
        self._tasks = 0  # the most that one execution had

    def deciders(self) -> Iterator[Decider]:
        """Yield one decider per execution, until every class has run."""
        going_on = True
        while going_on:
            run = _Path(self)
            yield run
            self._learn(run)
            going_on = self._next_branch()
        self.grade = "exhausted"

    def _learn(self, run: _Path) -> None:
        execution = run.execution
        if execution is None:  # it never began
            return
        self.redundant += execution.redundant
        self._tasks = tasks = max(self._tasks, len(execution.tasks))
        events = self.events
        for earlier, later in analyse(events, run.kept, tasks):
            task = events.tasks[later]
            self._add(earlier, initials(events, earlier, task, later, events.clocks[later]))
        if execution.redundant:
            return
        for task, touched in run.announced.items():
            last = events.last_of(task, len(events))
            clock = events.clocks[last] if last >= 0 else [-1] * tasks
            for earlier in blocked_races(events, task, touched, tasks):
                self._add(earlier, initials(events, earlier, task, len(events), clock))

    def _add(self, earlier: int, first: list[int]) -> None:
        """Another class begins, before event ``earlier``, with one of the tasks ``first``."""
        if self.events.nodes[earlier] < 0:
            return
        node = self.stack[self.events.nodes[earlier]]
        if any(task in node.todo or task in node.sleep for task in first):
            return
        able = [task for task in first if task in node.enabled]
        node.todo.extend(able[:1] or [t for t in node.enabled if t not in node.todo])

    def _next_branch(self) -> bool:
        """Go back to the deepest choice where something is left to try; False if there is none."""
        while self.stack:
            node = self.stack[-1]
            node.done[node.chosen] = self._as_remembered(node)
            left = [t for t in node.todo if t not in node.done and t not in node.sleep]
            if left:
                node.chosen = left[0]
                self.events.keep(node.at)
                return True
            self.stack.pop()
        return False

    def _as_remembered(self, node: Node) -> tuple[list[Named], int]:
        if node.is_value or node.at >= len(self.events):
            return [], 0
        touched = self.events.touches[node.at]
        return [(n if n < node.known else NEW, key, kind) for n, key, kind in touched], node.known


class _Path(Recorder):
    """Follow the stack, then go on without preemptions past every task that sleeps."""

    def __init__(self, search: Reduced) -> None:
        super().__init__(search.events)
        self._stack = search.stack
        self._depth = 0  # choices so far
        self._sleep: Sleep = {}
        self._slept_through = 0  # events that the sleeping ones have been compared with

    def forced(self, task: Task) -> None:
        """There is no choice; when ``task`` sleeps, all that follows has been seen."""
        if self._depth == len(self._stack):
            self._wake()
            if task.index in self._sleep:
                raise Redundant(f"{task.path} has moved first in an equivalent schedule")

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        if self._depth < len(self._stack):
            return self._follow((*enabled, *late))
        self._wake()
        able = [task for task in (*enabled, *late) if task.index not in self._sleep]
        if not able:
            raise Redundant("every task has moved first in an equivalent schedule")
        chosen = current if current in able else able[0]
        assert chosen is not None
        indexes = tuple(task.index for task in enabled)
        todo = [chosen.index, *(task.index for task in late if task is not chosen)]
        self._push(Node(self.at, indexes, len(self.numbers), chosen.index, todo, self._sleep))
        return chosen

    def choose(self, options: Sequence[Task], _: Task | None, __: Sequence[Task]) -> Task:
        """Draw a value: every option is a branch of its own."""
        if self._depth < len(self._stack):
            return self._follow(options)
        indexes = tuple(task.index for task in options)
        at = self.at - 1
        node = Node(at, indexes, 0, indexes[0], list(indexes), self._sleep, is_value=True)
        self._stack.append(node)
        self._depth += 1
        return options[0]

    def _push(self, node: Node) -> None:
        self._stack.append(node)
        self._entered(node)

    def _entered(self, node: Node) -> None:
        self.node = self._depth
        self._depth += 1
        if self._depth < len(self._stack):
            return  # who sleeps is asked only where there is something to choose
        self._sleep = {**node.sleep, **node.done}
        self._sleep.pop(node.chosen, None)
        self._slept_through = node.at

    def _follow(self, options: Sequence[Task]) -> Task:
        node = self._stack[self._depth]
        chosen = next((task for task in options if task.index == node.chosen), None)
        if chosen is None:
            able = ", ".join(task.path for task in options)
            raise Divergence(
                f"choice {self._depth + 1}: task {node.chosen} could move when these choices were "
                f"first made, but now only {able} can"
            )
        if node.is_value:
            self._depth += 1
            self._sleep, self._slept_through = node.sleep, node.at
        else:
            self._entered(node)
        return chosen

    def _wake(self) -> None:
        """Tasks sleep until something happens that their next event depends on."""
        while self._sleep and self._slept_through < self.at:
            happened = self.events.touches[self._slept_through]
            self._sleep = {
                index: (touched, known)
                for index, (touched, known) in self._sleep.items()
                if independent(touched, known, happened)
            }
            self._slept_through += 1
        self._slept_through = self.at
