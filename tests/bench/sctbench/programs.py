"""The table of the programs: what each is made of, and how the broken one fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.bench.sctbench import (
    always,
    conditions,
    deadlocks,
    idioms,
    order,
    safestack,
    steps,
    stopping,
    torn,
    work_stealing,
)

WRONG = ("assertion",)
RAISES = ("exception",)
#: A deadlock in which a notification has come too early is called by its own name.
STUCK = ("deadlock", "lost wake-up")


@dataclass(frozen=True)
class Program:
    """A program and its fixed twin; ``threads`` counts the main one, ``size`` are its numbers.

    ``kinds`` are the ways in which the broken one fails.
    """

    name: str
    program: Callable[..., None]
    threads: int
    kinds: tuple[str, ...]
    size: tuple[int, ...] = ()

    @property
    def broken(self) -> Callable[[], None]:
        """The body with the bug."""
        return partial(self.program, *self.size, fixed=False)

    @property
    def fixed(self) -> Callable[[], None]:
        """The same body, repaired."""
        return partial(self.program, *self.size, fixed=True)


_ALL = (
    Program("account", order.account, 4, WRONG),
    Program("aget", stopping.aget, 4, WRONG),
    Program("arithmetic_prog", always.arithmetic_prog, 3, WRONG),
    Program("bluetooth_driver", stopping.bluetooth_driver, 2, WRONG),
    Program("bounded_buffer", conditions.bounded_buffer, 5, STUCK),
    Program("carter01", deadlocks.carter01, 5, STUCK),
    Program("changed_while_iterating", idioms.changed_while_iterating, 3, RAISES),
    Program("check_then_act", idioms.check_then_act, 3, RAISES),
    Program("circular_buffer", steps.circular_buffer, 3, WRONG),
    Program("closed_between", idioms.closed_between, 3, RAISES),
    Program("condition_if", conditions.condition_if, 4, RAISES),
    Program("deadlock01", deadlocks.deadlock01, 3, STUCK),
    *(Program(f"din_phil{n}", always.din_phil, n + 1, WRONG, (n,)) for n in range(2, 8)),
    *(Program(f"dining_{n}", deadlocks.dining, n + 1, STUCK, (n,)) for n in (3, 5, 7)),
    Program("fsbench", always.fsbench, 28, RAISES),
    Program("interlocked", work_stealing.interlocked, 2, WRONG, (1,)),
    Program("lazy01", order.lazy01, 4, WRONG),
    Program("lazy_init", idioms.lazy_init, 3, WRONG),
    Program("list_underflow", idioms.list_underflow, 3, RAISES),
    Program("lost_update", idioms.lost_update, 3, WRONG),
    Program("lost_wakeup", conditions.lost_wakeup, 3, STUCK),
    Program("made_twice", idioms.made_twice, 3, WRONG),
    Program("pbzip2", stopping.pbzip2, 4, RAISES),
    Program("phase01", always.phase01, 3, STUCK),
    Program("queue", steps.queue, 3, WRONG),
    Program("reorder_3", torn.reorder, 4, WRONG, (2, 1)),
    Program("reorder_4", torn.reorder, 5, WRONG, (3, 1)),
    Program("reorder_5", torn.reorder, 6, WRONG, (4, 1)),
    Program("reorder_10", torn.reorder, 11, WRONG, (9, 1)),
    Program("reorder_20", torn.reorder, 21, WRONG, (10, 10)),
    Program("reorder_50", torn.reorder, 51, WRONG, (49, 1)),
    Program("reorder_100", torn.reorder, 101, WRONG, (99, 1)),
    Program("safestack", safestack.safestack, 4, WRONG),
    Program("stack", steps.stack, 3, WRONG),
    Program("stringbuffer", torn.stringbuffer, 3, WRONG),
    Program("sync01", always.sync01, 3, STUCK),
    Program("sync02", always.sync02, 3, STUCK),
    Program("token_ring", order.token_ring, 5, WRONG),
    Program("twostage", torn.twostage, 3, WRONG, (1,)),
    *(Program(f"twostage_{n}", torn.twostage, n + 1, WRONG, (n - 1,)) for n in (20, 50, 100)),
    Program("work_stealing", work_stealing.work_stealing, 2, WRONG, (1,)),
    Program("wronglock_3", torn.wronglock, 5, WRONG, (3,)),
    Program("wronglock", torn.wronglock, 9, WRONG, (7,)),
)
PROGRAMS: dict[str, Program] = {program.name: program for program in _ALL}
