"""One search divided over several processes: the same executions as with one, and the same end.

Execution n of a sampling strategy is a function of the seed, of n and of what was learnt up to a
fixed number (engine/strategies/sampling.py).  So the executions up to the next such number are
dealt out; this process makes its own share, and the systematic ones, which cannot be dealt out.
Afterwards what the workers saw is taken up in the order of the numbers.  The lowest execution that
failed in a worker is made once more here, so that everything that follows is as without workers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_racecheck.diagnosis.share import Log, apply, state, told
from pytest_racecheck.diagnosis.witness import others_alive
from pytest_racecheck.diagnosis.workers import Board, Crew, Report
from pytest_racecheck.engine.clock import real_perf_s
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import (
    CHECK_AGAIN_EVERY,
    Exploration,
    Runner,
    add_new,
    allowed_cpus,
    borne_out_by_threads,
    differs_on_threads,
    ends_the_search,
    refuse_no_budget,
    run_again,
    say_what_was_covered,
    schedule_of,
    search,
)
from pytest_racecheck.engine.strategies.base import Strategy, member_of
from pytest_racecheck.engine.strategies.sampling import (
    EAGER,
    Sampling,
    next_stop,
    takes_in_before,
)
from pytest_racecheck.faults import ledger

_WITH_SOCKETS = "one process made the search: a fork would not have the threads of libzmq"
#: Where pyzmq has a thread that waits for freed messages, of which a fork has none.
_COLLECTS = "zmq.utils.garbage"
#: Executions that take less than this together are not worth a fork.
WORTH_S = 0.05


def search_shared(
    runner: Runner,
    strategy: Strategy,
    workers: int | str,
    *,
    executions: int,
    seconds: float,
    patience_s: float,
) -> Exploration:
    """What ``search`` finds, by ``workers`` processes; by one, and noted, where it must be one."""
    count = processes(workers)
    if count == 1:
        return search(runner, strategy, executions=executions, seconds=seconds)
    refuse_no_budget(executions, seconds)
    why_one = _why_one(strategy)
    if why_one is not None or not isinstance(strategy, Sampling):
        found = search(runner, strategy, executions=executions, seconds=seconds)
        found.notes.append(f"one process made the search, not {count}: {why_one}")
        return found
    begun = real_perf_s()
    again = deepcopy(strategy) if runner.carriers.may_move else strategy
    divided = _Divided(runner, strategy, count, executions, begun + seconds)
    divided.patience_s = patience_s
    try:
        divided.run()
    except _Moved as moved:  # as in ``search``: from the beginning, on threads
        runner.carriers.stay_on_threads(moved.why)
        strategy, divided = again, divided.once_more(again)
        divided.run()
        divided.found.moved = moved.why
    finally:
        divided.found.seconds = real_perf_s() - begun
        say_what_was_covered(divided.found, strategy)
    return divided.found


def processes(workers: int | str) -> int:
    """How many processes that means; workers of pytest-xdist use the other CPUs themselves."""
    if workers != "auto":
        return int(workers)
    return 1 if "PYTEST_XDIST_WORKER" in os.environ else max(len(allowed_cpus()), 1)


def _why_one(strategy: Strategy) -> str | None:
    """Why the search cannot be shared out; None when it can."""
    if not isinstance(strategy, Sampling):
        return f"each execution of strategy {strategy.name!r} depends on those before it"
    if not hasattr(os, "fork"):
        return "there is no os.fork here"
    others = _other_threads() or others_alive()
    if others:
        return f"a fork would not have the other threads of this process ({', '.join(others)})"
    return None


def _other_threads() -> list[str]:
    """Those that a fork would miss; idle workers of a pool are among them."""
    here = threading.current_thread()
    others = [one for one in threading.enumerate() if one is not here]
    of_tools = ["those of pytest-xdist"] if "PYTEST_XDIST_WORKER" in os.environ else []
    return of_tools + [one.name for one in others if type(one).__module__ != _COLLECTS]


class _Moved(Exception):
    """No error: the search has to begin again."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Divided:
    patience_s = 2.0

    def __init__(
        self, runner: Runner, strategy: Sampling, workers: int, executions: int, until_s: float
    ) -> None:
        self.found = Exploration()
        self._runner = runner
        self._strategy = strategy
        self._workers = workers
        self._executions = executions
        self._until_s = until_s
        self._board = Board(workers)
        self._over = False

    def once_more(self, strategy: Sampling) -> _Divided:
        """The same search by a strategy that has learnt nothing, in the time that is left."""
        same = _Divided(self._runner, strategy, self._workers, self._executions, self._until_s)
        same.patience_s = self.patience_s
        return same

    def run(self) -> None:
        """From one number at which something is learnt to the next."""
        first, begun = 0, real_perf_s()
        while first < self._executions and not self._over and real_perf_s() < self._until_s:
            end = min(next_stop(first), self._executions)
            spent_s = real_perf_s() - begun
            if first < EAGER or spent_s / first * (end - first) < WORTH_S:
                self._alone(first, end)
            elif self.found.transports:
                add_new(self.found.notes, [_WITH_SOCKETS])
                self._alone(first, end)
            else:
                self._together(first, end)
            first = end

    def _alone(self, first: int, end: int) -> None:
        for n in range(first, end):
            if real_perf_s() >= self._until_s:
                self._over = True
            if takes_in_before(n):
                self._strategy.take_in()
            if self._over or not self._make(n):
                return

    def _make(self, n: int) -> bool:
        """Make execution ``n`` as ``search`` would; whether the search goes on."""
        made = self._perform(n, self.found)
        if made is None:
            self.found.finished = self._over = True
            return False
        self._over = self._takes_as_end(made)
        return not self._over

    def _takes_as_end(self, execution: Execution) -> bool:
        """Take one execution in; whether it ends the search."""
        ends = ends_the_search(self.found, execution, self._runner, self._strategy)
        _begin_again_if([self.found.moved])
        return ends

    def _perform(self, n: int, counts: Exploration | Log) -> Execution | None:
        """Execution ``n``; None when there is nothing left to try."""
        behaviours = (counts.seen if isinstance(counts, Log) else counts).behaviours
        while (decider := self._strategy.decider(n)) is not None:
            number = self._strategy.own_number(n)
            watched = behaviours.look_at(member_of(self._strategy), decider, number)
            execution = self._runner.execute(watched, searching=True)
            if execution.moved is not None:
                raise _Moved(execution.moved)
            self._strategy.note(n, decider)
            if not execution.redundant:
                return execution
            counts.redundant += 1
        return None

    # --- several processes ----------------------------------------------------------------------

    def _together(self, first: int, end: int) -> None:
        self._strategy.take_in()
        self._board = Board(self._workers)
        with Crew(self._board, self.patience_s, self._until_s - real_perf_s()) as crew:
            for worker in range(1, self._workers):
                crew.start(worker, partial(self._as_worker, worker, first, end))
            log = self._share(0, first, end)
            reports = crew.wait(self._runner.hear)
        ledger.take_up([report.message for report in reports])
        self._take_up(log, [self._or_made_here(one, first, end) for one in reports])

    def _shared_out(self, worker: int, first: int, end: int) -> Iterator[int]:
        """The numbers that ``worker`` makes: all have as many, as far as they can be dealt out."""
        loads = [0] * self._workers
        for n in range(first, end):
            owner = 0 if self._strategy.is_systematic(n) else loads.index(min(loads))
            loads[owner] += 1
            if owner == worker:
                yield n

    def _as_worker(self, worker: int, first: int, end: int) -> dict[str, Any]:
        """The share of a process just forked, as plain data."""
        self._runner.begin_anew(worker)
        self._board.beat(worker)
        with ledger.counting() as counts:
            said = told(self._share(worker, first, end)) | {"learnt": self._strategy.told()}
        return said | {"injected": counts.told()}

    def _or_made_here(self, report: Report, first: int, end: int) -> Report:
        """A worker that has never begun says nothing of the body: its share is made here."""
        if report.message is not None or report.at >= 0:
            return report
        return replace(report, message=told(self._share(report.worker, first, end)))

    def _share(self, worker: int, first: int, end: int) -> Log:
        log = Log()
        for n in self._shared_out(worker, first, end):
            ended = self._board.lowest_end()
            if real_perf_s() >= self._until_s or (ended is not None and n > ended):
                break
            self._board.write(worker, "at", n)
            if not self._makes_one(n, log):
                self._board.write(worker, "ended by", n)
                break
        return log

    def _makes_one(self, n: int, log: Log) -> bool:
        """Make execution ``n`` of a share; whether the share goes on behind it."""
        try:
            execution = self._perform(n, log)
        except _Moved as moved:
            log.moved = moved.why
            return False
        except BaseException as stop:
            if not self._runner.forked and self._runner.comes_from_outside(stop):
                raise
            log.ended_by, log.stop = f"ended in {type(stop).__name__}", stop
            return False
        if execution is None:
            log.all_covered = True
            return False
        log.drawn += not self._strategy.is_systematic(n)
        log.write(n, execution)
        if not execution.failures and not execution.lost and n % CHECK_AGAIN_EVERY == 0:
            self._check(n, execution, log)
        if execution.failures:
            failure = execution.failures[0]
            log.ended_by = f"ended in {failure.type} at {failure.where}"
        elif execution.lost or execution.divergence is not None:
            log.ended_by = "was not followed to its end"
        log.execution = execution if log.ended_by else None
        return log.ended_by is None and log.moved is None

    def _check(self, n: int, execution: Execution, log: Log) -> None:
        """Run execution ``n``, which has passed, once more, as ``search`` would."""
        schedule = schedule_of(self._strategy, execution)
        if borne_out_by_threads(self._runner, execution):
            if differs_on_threads(self._runner, schedule, execution):
                log.moved = self._runner.carriers.need
            return
        before = state(log.seen)
        log.seen.divergence = log.seen.divergence or run_again(self._runner, schedule)
        log.note_changes(n, before)

    # --- afterwards ------------------------------------------------------------------------------

    def _take_up(self, mine: Log, reports: list[Report]) -> None:
        """What all have seen, in order, up to the execution that ends the search."""
        said = [report.message for report in reports if report.message is not None]
        _begin_again_if([mine.moved, *(one["moved"] for one in said)])
        ended = self._end_of(mine, reports)
        before = ended if ended is not None else self._executions
        changes = [*mine.changes, *((n, what) for one in said for n, what in one["changes"])]
        for n, changed in sorted(changes, key=lambda change: change[0]):
            if n < before:
                apply(self.found, changed)
        self.found.redundant += mine.redundant
        for one in said:
            if "learnt" in one:
                self._strategy.hear(one["learnt"])
        lost = [report for report in reports if report.message is None]
        if ended is None:
            self.found.executions += mine.done + sum(one["done"] for one in said)
            self.found.drawn += mine.drawn + sum(one["drawn"] for one in said)
        if lost and (ended is None or lost[0].at <= ended):
            self._after_a_death(min(lost, key=lambda report: report.at))
        elif ended is not None:
            self._end_with(ended, mine, reports)

    def _end_of(self, mine: Log, reports: list[Report]) -> int | None:
        """The number of the execution that ends the search: the lowest that did in any process.

        When the systematic member has covered everything, nothing can fail behind that: what does
        nevertheless is told.
        """
        ends = [
            self._board.read(report.worker, "ended by")
            for report in reports
            if report.message is not None and report.message["ended_by"] is not None
        ]
        if mine.all_covered and ends:
            return min(ends)
        mine_end = self._board.read(0, "ended by")
        return min([*ends, *([mine_end] if mine_end >= 0 else [])], default=None)

    def _end_with(self, ended: int, mine: Log, reports: list[Report]) -> None:
        self._over = True
        self.found.executions = ended
        if self._board.read(0, "ended by") == ended:
            self._end_with_mine(mine)
            return
        owner = next(r for r in reports if self._board.read(r.worker, "ended by") == ended)
        if self._make(ended):
            self._over = True
            self.found.divergence = self.found.divergence or (
                f"execution {ended + 1} {owner.message['ended_by']} in another process of the "
                "search, and passes in this one"
            )
            if mine.ended_by is not None:  # which comes later, but is here
                self.found.executions = self._board.read(0, "ended by")
                self._end_with_mine(mine)

    def _end_with_mine(self, mine: Log) -> None:
        if mine.stop is not None:
            raise mine.stop
        self.found.finished = mine.all_covered
        if mine.execution is not None:
            self._takes_as_end(mine.execution)

    def _after_a_death(self, report: Report) -> None:
        """A worker is gone without a word; to make its execution here might end this process."""
        self._over = True
        self.found.lost.append(
            f"process {report.worker + 1} of {self._workers} {report.how}, in execution "
            f"{report.at + 1}; explore with isolate=True to see why"
        )


def _begin_again_if(reasons: list[str | None]) -> None:
    for why in filter(None, reasons):
        raise _Moved(why)
