"""One run of something under watch, and what it showed: meetings, failures, delays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pytest_racecheck.adapters.nearmiss_gates import Gates
from pytest_racecheck.diagnosis.nearmiss_pairs import Saved
from pytest_racecheck.diagnosis.verdict import Failure, NearMisses
from pytest_racecheck.engine.failure import deepest_user_line, is_internal
from pytest_racecheck.free.nearmiss import Contracts, Meeting, Pair, Pairs, Watch, gates
from pytest_racecheck.free.nearmiss.births import threads_noted
from pytest_racecheck.free.nearmiss.budget import SHARE, Budget
from pytest_racecheck.free.nearmiss.pairs import MEET

ILLEGAL = "illegal sharing"
UNSAFE_CALL = "ThreadUnsafeCall"
MOST_SHARE = 10.0
#: Delays that a report names.
MOST_HELD = 5


@dataclass
class Run:
    """What one run showed; ``error`` is what the body itself raised."""

    meetings: list[Meeting] = field(default_factory=list)
    caught: list[Pair] = field(default_factory=list)
    thread_failures: list[tuple[str, BaseException]] = field(default_factory=list)
    error: BaseException | None = None
    seconds: float = 0.0
    delays: int = 0
    delayed_s: float = 0.0
    held: tuple[Pair, ...] = ()

    def failure(self) -> Failure | None:
        """What went wrong, the most certain first; what pytest takes for a wish is none of it."""
        if self.meetings:
            met = self.meetings[0]
            where = f"{met.first.where} / {met.second.where}"
            return Failure(
                ILLEGAL, UNSAFE_CALL, met.sentence, where, met.first.thread, error=self.error
            )
        if self.error is not None:
            return failure_of(self.error, "main")
        if self.thread_failures:
            name, error = self.thread_failures[0]
            return failure_of(error, name)
        return None

    def told(self, number: int, pairs: int) -> NearMisses:
        """The same as plain data, for a finding."""
        held = tuple(_held(pair) for pair in self.held[:MOST_HELD])
        return NearMisses(
            number, self.delays, self.delayed_s, pairs, tuple(self.meetings[:MOST_HELD]), held
        )


def failure_of(error: BaseException, task: str) -> Failure:
    """The failure that an exception of a thread is."""
    kind = "assertion" if isinstance(error, AssertionError) else "exception"
    message = str(error).strip() or type(error).__name__
    where = deepest_user_line(error.__traceback__)
    return Failure(kind, type(error).__name__, message, where, task, error=error)


def _held(pair: Pair) -> str:
    first, second = (_spoken(key) for key in (pair.first, pair.second))
    if pair.kind == MEET:
        return f"held before {first} or {second}"
    return f"held before {first}, so that {second} came first"


def _spoken(key: str) -> str:
    file, _, rest = key.partition(":")
    function, _, shown = rest.partition(":")
    return f"`{shown.rpartition('#')[0]}` in {function} ({file.rpartition('/')[2]})"


@dataclass(frozen=True)
class Conditions:
    """Under which something is watched: which calls may not meet, the gates that tell of them."""

    contracts: Contracts
    gates: Gates
    seed: str
    share: float = SHARE


@contextmanager
def watched(
    saved: Saved, under: Conditions, *, only: Pairs | None = None, forward: bool = False
) -> Iterator[Run]:
    """Watch what runs meanwhile; the run is complete afterwards, and ``saved`` knows more.

    ``only``: delay these pairs as long as it takes, and learn nothing.  ``forward``: failures of
    threads are also told as ever.
    """
    run = Run()
    under.gates.keep_up()
    share = under.share if only is None else MOST_SHARE
    with threads_noted(forward=forward) as threads:
        watch = Watch(
            saved.pairs if only is None else only,
            under.contracts,
            threads,
            seed=f"{under.seed}:{saved.runs}",
            budget=Budget(saved.seconds, share, saved.credit_s),
            left_out=is_internal,
        )
        watch.dull = under.gates.do_without
        began_s = time.monotonic()
        gates.watch_with(watch)
        try:
            yield run
        finally:
            gates.watch_with(None)
            run.seconds = time.monotonic() - began_s
            run.meetings, run.caught = list(watch.meetings), list(watch.caught)
            run.thread_failures = list(threads.failures)
            run.delays, run.delayed_s = watch.budget.delays, watch.budget.spent_s
            known = {(pair.kind, pair.first, pair.second): pair for pair in watch.pairs}
            run.held = tuple(known[key] for key in watch.held)
            saved.ran(run.seconds)
            if only is None:
                saved.credit_s = watch.budget.credit_s(run.seconds - watch.budget.spent_s)
