"""Which carrier the next execution gets: OS threads, greenlets, or threads first and then see.

``auto`` begins on threads.  When some executions showed nothing that needs them, the search uses
greenlets; when one of those does, it does not count, and all the rest runs on threads.
Replays stay on threads: whatever greenlets showed has to be borne out there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_racecheck.engine import needs
from pytest_racecheck.engine.carrier import CarrierPool
from pytest_racecheck.errors import UsageError

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.greenlets import GreenPool

CARRIERS = ("auto", "threads", "greenlets")
#: So many executions are looked at on threads before greenlets carry the next ones.
FIRST_ON_THREADS = 20


class Carriers:
    """The pools of one search, and what is known about the body's needs."""

    def __init__(self, wanted: str, need: str | None = None) -> None:
        self.wanted = wanted
        self.need = need  # why it has to be threads, as far as that is known
        self._threads = CarrierPool()
        self._greenlets: GreenPool | None = None
        self._seen = 0
        if wanted == "greenlets":
            refuse_without_greenlets()
        elif wanted == "auto" and need is None:
            self.need = why_no_greenlets()

    @property
    def told(self) -> str:
        """What carried the search, and why not greenlets if that was open."""
        if self.wanted != "auto":
            return self.wanted
        if self.need is not None:
            return f"threads ({self.need})"
        return "threads" if self._greenlets is None else "greenlets"

    @property
    def may_move(self) -> bool:
        """Whether an execution may turn out to be one that does not count."""
        return self.wanted == "auto" and self.need is None

    def next(self, searching: bool = False) -> CarrierPool | GreenPool:
        """The pool that carries the next execution; ``auto`` may choose greenlets in a search."""
        if self.wanted == "threads" or (
            self.wanted == "auto" and not (searching and self._green())
        ):
            return self._threads
        if self._greenlets is None:
            from pytest_racecheck.engine.greenlets import GreenPool

            self._greenlets = GreenPool()
        return self._greenlets

    def _green(self) -> bool:
        if self._seen < FIRST_ON_THREADS or self.need is not None:
            return False
        self.need = needs.of_process()
        return self.need is None

    def learn(self, execution: Execution) -> None:
        """Take in what ``execution`` needed."""
        self._seen += 1
        if self.wanted == "threads" or self.need is not None:
            return
        need = needs.of_execution(execution)
        if need is None:
            return
        if self.wanted == "auto":
            self.need = need
            if execution.pool.on_greenlets:
                execution.moved = need
        elif not execution.lost:
            execution.uncontrolled.append(f"greenlets carried the tasks, but {need}")

    def begin_anew(self) -> None:
        """In a process just forked: the OS threads of the parent are not there, greenlets are."""
        self._threads = CarrierPool()

    def stay_on_threads(self, need: str) -> None:
        """Another process of this search has found out why it has to be threads."""
        self.need = self.need or need

    def retire(self) -> None:
        """End what waits for a job."""
        self._threads.retire()
        if self._greenlets is not None:
            self._greenlets.retire()


def refuse_without_greenlets() -> None:
    """Raise UsageError when greenlets were asked for and cannot be had."""
    missing = why_no_greenlets()
    if missing is not None:
        raise UsageError(f"carrier='greenlets': {missing}")


def why_no_greenlets() -> str | None:
    """Why there are no greenlets here, and what to do about it; None when there are."""
    try:
        from pytest_racecheck.engine.greenlets import why_not
    except ImportError:
        return "the package greenlet is not installed; run: pip install greenlet"
    return why_not()
