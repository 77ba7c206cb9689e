"""Faults of the reduction: classes of schedules that are left out although they matter."""

from __future__ import annotations

from tests.mutation.fault import Fault

AMONG = "engine/strategies/test_dpor.py::test_an_order_that_matters_is_among_the_classes"
CLASSES = "engine/strategies/test_dpor.py::test_there_are_as_many_complete_executions_as_classes"

FAULTS = (
    Fault(
        "two writes commute",
        "engine/dependence.py",
        "_COMMUTING = frozenset({(READ, READ),",
        "_COMMUTING = frozenset({(WRITE, WRITE), (READ, READ),",
        "which of two writes is the last is never tried",
        (CLASSES,),
    ),
    Fault(
        "a read and a write commute",
        "engine/dependence.py",
        "_COMMUTING = frozenset({(READ, READ),",
        "_COMMUTING = frozenset({(WRITE, READ), (READ, READ),",
        "a read before the write is never tried",
        (CLASSES,),
    ),
    Fault(
        "who sleeps may be chosen",
        "engine/strategies/dpor.py",
        "able = [task for task in (*enabled, *late) if task.index not in self._sleep]",
        "able = [*enabled, *late]",
        "classes are run twice, and their number says nothing",
        (CLASSES,),
    ),
    Fault(
        "who sleeps never wakes",
        "engine/strategies/dpor.py",
        "if independent(touched, known, happened)",
        "if independent(touched, known, happened) or happened",
        "after a dependent operation a task is still taken for seen",
        (CLASSES,),
    ),
    Fault(
        "who is blocked races with nobody",
        "engine/strategies/dpor.py",
        "for task, touched in run.announced.items():",
        "for task, touched in ({} and run.announced.items()):",
        "the order in which a deadlocked task would have come is never tried",
        (CLASSES,),
    ),
    Fault(
        "only the nearest event is raced with",
        "engine/strategies/races.py",
        "    for at in sorted(other, reverse=True):",
        "    for at in sorted(other, reverse=True)[:1]:",
        "an operation is never put before one that lies further back",
        (CLASSES,),
    ),
    Fault(
        "who takes a lock races with nobody",
        "engine/strategies/races.py",
        "        _race(events, at, waiting, raced)",
        "        _join(waiting, events.clocks[at])",
        "who else could have had the lock first is never tried",
        (CLASSES,),
    ),
    Fault(
        "what a release enables is not ordered behind it",
        "engine/strategies/races.py",
        "    for at in found.enabling:\n        _join(clock, events.clocks[at])\n",
        "",
        "orders that cannot be are taken for races",
        (CLASSES,),
    ),
    Fault(
        "code without gates touches nothing",
        "engine/opaque.py",
        "    if kind is not None:\n        touched(ANYTHING, WHOLE, kind)",
        "    if kind is None:\n        touched(ANYTHING, WHOLE, WRITE)",
        "a race through a C function is ruled out",
        (
            "engine/strategies/test_dpor.py::test_an_order_that_matters_where_there_are_no_gates_is_found",
        ),
    ),
    Fault(
        "a time-out that could fire early is no branch",
        "engine/strategies/dpor.py",
        "todo = [chosen.index, *(task.index for task in late if task is not chosen)]",
        "todo = [chosen.index]",
        "a program that fails when a time-out comes first is ruled out",
        (f"{AMONG}[timed_out]",),
    ),
    Fault(
        "whom to wake is no branch",
        "engine/strategies/dpor.py",
        "indexes[0], list(indexes), self._sleep, is_value=True",
        "indexes[0], [indexes[0]], self._sleep, is_value=True",
        "a program that fails when the second waiter wakes is ruled out",
        (f"{AMONG}[woken]",),
    ),
    Fault(
        "a new object is like no other",
        "engine/strategies/events.py",
        "            elif number == NEW and other_number >= known:\n                return False\n",
        "",
        "a task sleeps on although its new object was touched",
        (CLASSES,),
    ),
    Fault(
        "readings of the clock commute",
        "engine/dependence.py",
        "    return [(CLOCK, WHOLE, WRITE)]",
        "    return _NOTHING",
        "who reads the clock first is never tried",
        (f"{AMONG}[read_the_clock]",),
    ),
    Fault(
        "another key may not be the same part",
        "engine/strategies/events.py",
        "return one is WHOLE or other is WHOLE or one == other",
        "return one == other",
        "the length of a list and its elements are taken for different things",
        (f"{AMONG}[emptied]",),
    ),
)
