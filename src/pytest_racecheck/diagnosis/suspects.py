"""Doubts a verdict: asks whether the schedule alone decides, and if not, what else does.

A search compares executions now and then.  Here the one schedule that the verdict rests on is run
again while a witness looks on, then with orders, addresses and hashes shaken, and, where the
witness has seen a source of chance, often enough that a coin would have shown both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from pytest_racecheck.diagnosis import witness as sources
from pytest_racecheck.diagnosis.module_state import caches_of, changed, state_of
from pytest_racecheck.diagnosis.shaking import ALWAYS, WHEN_SEEN, Shaken
from pytest_racecheck.diagnosis.verdict import Finding, Verdict
from pytest_racecheck.diagnosis.witness import Witness, environment, others_alive
from pytest_racecheck.engine.clock import real_perf_s, real_sleep_s
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Exploration, Runner
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.recorded import Follow

#: A coin shows the same side so often once in a million times.
OFTEN, EACH, SHAKES = 20, 4, 2
#: Between executions, where something goes on beside them.
PAUSE_S = 0.004
#: No more time than this for doubts, and for naming who is to blame.
MAX_SECONDS = 3.0


@dataclass(frozen=True)
class Doubt:
    """How an execution of the same schedule differed; ``cold``: only from the very first one."""

    difference: str
    suspects: tuple[str, ...]
    cold: bool = False


def doubted(
    runner: Runner, finding: Finding, found: Exploration, first: Schedule | None
) -> Finding:
    """Take a verdict back, or name who decides besides the schedule, when something does."""
    if found.lost or found.most_tasks < 2 or finding.left_schedule is not None:
        return finding
    end = finding.failure is not None
    schedule = Schedule.parse(finding.schedule) if end and finding.schedule else first
    if schedule is None:
        return finding
    inquiry = _Inquiry(runner, schedule, _ending(finding) if end else ())
    known = _is_diverged(finding, found)
    doubt = inquiry.doubt(known)
    if doubt is None:
        return finding
    if doubt.cold:
        text = (
            "the first execution was not like the others, and its state was met once only: "
            f"{doubt.difference}{_blame(doubt)}"
        )
        return replace(finding, warnings=(*finding.warnings, text), suspects=doubt.suspects)
    if known:
        reason = finding.reason + _blame(doubt)
        return replace(finding, reason=reason, suspects=doubt.suspects)
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        grade=None,
        reason=f"the schedule alone does not decide: {doubt.difference}{_blame(doubt)}",
        suspects=doubt.suspects,
        odds=None,
    )


def _blame(doubt: Doubt) -> str:
    return f"; suspect: {'; '.join(doubt.suspects)}" if doubt.suspects else ""


def _is_diverged(finding: Finding, found: Exploration) -> bool:
    """Whether the verdict says already that something besides the schedule decides."""
    if finding.failure is not None:
        return finding.verdict is Verdict.INCONCLUSIVE
    return found.divergence is not None


def _ending(finding: Finding) -> tuple[object, ...]:
    failure = finding.failure
    return () if failure is None else (failure.kind, failure.type, failure.where)


class _Inquiry:
    """Runs one schedule again and again, and compares how it ends with ``ending``."""

    def __init__(self, runner: Runner, schedule: Schedule, ending: tuple[object, ...]) -> None:
        self._runner = runner
        self._schedule = schedule
        self._ending = ending
        self._until_s = real_perf_s() + MAX_SECONDS
        self._witness = Witness()
        self._dice = Random(0)
        self._beside = [*others_alive(), *sources.repeating_timers()]

    def doubt(self, known: bool) -> Doubt | None:
        """What differs and why; None when nothing does."""
        difference = self._watched()
        if difference is not None and not known and not self._plain(OFTEN):
            return self._cold_or_none(difference)
        seen = self._witness.seen
        kinds = (*ALWAYS, *(kind for kind in WHEN_SEEN if kind in seen))
        again = OFTEN if seen or known or difference or self._beside else SHAKES
        difference = difference or self._shaken(kinds, again)
        if difference is None and not known:
            return None
        named = self._named(kinds)
        return Doubt(difference or "", tuple(named))

    def _cold_or_none(self, difference: str) -> Doubt | None:
        """The recorded schedule is not followed now, but what is followed now stays the same."""
        caches = caches_of(self._witness.scopes)
        suspects = tuple(f"leftover state: {text}" for text in caches) or ("leftover state",)
        return Doubt(difference, suspects, cold=True)

    def _watched(self) -> str | None:
        self._runner.around = self._witness.call
        try:
            return self._compare(self._runner.execute(Follow(self._schedule)))
        finally:
            self._runner.around = None

    def _plain(self, times: int) -> str | None:
        """How one of ``times`` executions differs from another, all following what they can."""
        seen: set[tuple[object, ...]] = set()
        for _ in range(times + 1):
            self._let_others_move()
            execution = self._runner.execute(Follow(self._schedule))
            ends = tuple(one.identity for one in execution.failures)
            seen.add((str(execution.divergence), ends, tuple(execution.decisions)))
        return "two executions differ" if len(seen) > 1 else None

    def _shaken(self, kinds: tuple[str, ...], times: int) -> str | None:
        for seed in range(max(times, OFTEN)):
            if real_perf_s() > self._until_s:
                return None
            self._let_others_move()
            decider = Shaken(self._schedule, kinds, seed)
            with decider.around():
                difference = self._compare(self._runner.execute(decider))
            if difference is not None:
                return difference
            if seed + 1 >= times and not (decider.shook and seed + 1 < OFTEN):
                return None
        return None

    def _let_others_move(self) -> None:
        """A schedule is over too soon for threads and timers beside it to do something."""
        if self._beside:
            # Never in step with them: what comes back every other time would look constant.
            real_sleep_s(PAUSE_S * self._dice.random())

    def _compare(self, execution: Execution) -> str | None:
        if execution.lost:
            return None
        if execution.divergence is not None:
            return str(execution.divergence)
        ends = execution.failures[0].identity if execution.failures else ()
        if ends == self._ending:
            return None
        if not execution.failures:
            return "an execution of the same schedule did not fail"
        failure = execution.failures[0]
        return f"an execution of the same schedule ended in {failure.type} at {failure.where}"

    def _named(self, kinds: tuple[str, ...]) -> list[str]:
        """The likeliest first: what alone makes the difference; what is asked; what is left."""
        seen = self._witness.seen
        if not self._beside and self._shaken((), OFTEN) is None:
            alone = [kind for kind in kinds if self._shaken((kind,), 2 * EACH) is not None]
            if alone:
                return [f"{kind}{_at(seen.get(kind))}" for kind in alone]
        named = [f"{what}{_at(seen.get(what))}" for what in _DRAWS if what in seen]
        named += self._beside  # before what it may have changed
        named += [f"leftover state: {text}" for text in self._left_behind()]
        rest = [what for what in seen if what not in _DRAWS]
        return named or [f"{what}{_at(seen.get(what))}" for what in rest]

    def _left_behind(self) -> list[str]:
        before, around = state_of(self._witness.scopes), environment()
        self._runner.execute(Follow(self._schedule))
        after = changed(before, state_of(self._witness.scopes))
        variables = changed(around, environment())
        left_over = getattr(self._runner.body, "left_over", None)
        kept = [] if left_over is None else left_over()
        return [*kept, *after, *(f"{sources.ENVIRONMENT} variable {name}" for name in variables)]


#: What gives something else at each call.
_DRAWS = (
    sources.RANDOM,
    sources.UUID,
    sources.URANDOM,
    sources.CLOCK,
    sources.SUBPROCESS,
    sources.NETWORK,
    sources.SIGNAL,
)


def _at(where: str | None) -> str:
    return f" (asked at {where})" if where else ""
