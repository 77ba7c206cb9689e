"""All that one execution knows while it runs, and what is known of it afterwards."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.carrier import allocate_gate
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence

if TYPE_CHECKING:
    from pytest_racecheck.engine.data_races import DataRaces
    from pytest_racecheck.engine.livelock import FairTail
    from pytest_racecheck.engine.lock_order import LockOrder
    from pytest_racecheck.engine.signals import Signals
    from pytest_racecheck.engine.trace import Trace

#: How often in one execution a time-out fires although somebody else could move.
MAX_LATE = 5


# Slots: a class-level default would keep the interpreter from specialising the hot attribute reads.
@dataclass(eq=False, slots=True)
class ExecutionState:
    """Plain data; times are in seconds, ``now_s`` on the virtual clock."""

    max_steps: int = 20_000
    patience_s: float = 2.0
    trace: Trace | None = None

    # Who is there, and who moves.
    tasks: list[Task] = field(default_factory=list)
    live: list[Task] = field(default_factory=list)
    by_key: dict[int, Task] = field(default_factory=dict)
    current: Task | None = None
    enabled: list[Task] | None = None  # None: an operation may have changed it

    records_only: bool = False  # reads and writes of data are seen, but are no scheduling points

    # What was chosen so far: (task index, number of options, operation).
    decisions: list[tuple[int, int, str]] = field(default_factory=list)
    preemptions: int = 0
    steps: int = 0
    step_limit: int = 0  # ``max_steps``, or -1 while the watchdog wants an answer
    gave_way: bool = False  # a task that only read had to let the others go first
    quiet: int = 0  # operations in a row by one task that changed nothing
    tail: FairTail | None = None  # decides past the step limit
    fixed_choices: int | None = None  # choices before the fair tail; the rest is not kept

    # Time.
    now_s: float = 0.0
    clock_seen_s: float = 0.0  # what the last reading of the clock gave
    clock_reads: int = 0  # readings in a row by a task that alone could move
    timed: int = 0  # tasks that wait with a deadline
    late_left: int = MAX_LATE

    # Who holds what, and what is ordered.
    owners: dict[int, tuple[Task, object]] = field(default_factory=dict)
    held_at: dict[int, str] = field(default_factory=dict)
    clocks: dict[int, dict[int, int]] | None = None  # happens-before, when asked for
    data_races: DataRaces | None = None  # the same of accesses to data
    lock_order: LockOrder | None = None  # which lock is taken while which is held
    early_notifies: list[tuple[Any, str]] = field(default_factory=list)  # condition, place

    # The end.
    failures: list[TaskFailure] = field(default_factory=list)
    divergence: Divergence | None = None
    redundant: bool = False  # ended early: an equivalent schedule has run
    cut_off: str | None = None  # why the execution ended before its end
    unwinding: bool = False
    ended: bool = False
    interrupt: BaseException | None = None
    leftovers: list[Task] = field(default_factory=list)
    left_open: list[str] = field(default_factory=list)  # sockets and the like, in words

    # What was not under control.
    outside_waits: int = 0  # tasks whose readiness may change by itself
    away: list[Task] = field(default_factory=list)  # did not come back within their patience
    lost: list[str] = field(default_factory=list)  # the same, in words, with stacks
    abandoned: list[str] = field(default_factory=list)
    uncontrolled: list[str] = field(default_factory=list)
    transports: tuple[str, ...] = ()  # over what messages went, and how exactly that is known
    waited: int = 0  # patiences that went by with nobody moving
    given_up: int = 0
    needs: list[str] = field(default_factory=list)  # what only OS threads can do, and was done
    moved: str | None = None  # why this execution does not count: it is done again on threads
    closing: bool = False  # the main thread is ending the others, each within its own patience
    signals: Signals | None = None
    hearing: bool = False  # the main thread got the baton only to hear a signal
    heard_by: Task | None = None  # who gave it the baton for that, and gets it back
    mutex: Any = field(default_factory=allocate_gate)  # for when the watchdog interferes
    pid: int = field(default_factory=os.getpid)
