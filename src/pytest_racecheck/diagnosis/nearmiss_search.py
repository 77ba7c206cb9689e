"""A body on free threads, run a few times with delays where threads nearly met, and a finding."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_racecheck.adapters.nearmiss_gates import Gates, gates_put_in
from pytest_racecheck.diagnosis.find import _alone, _check_body
from pytest_racecheck.diagnosis.nearmiss_pairs import PairFiles, Saved
from pytest_racecheck.diagnosis.nearmiss_watching import MOST_SHARE, Conditions, Run, watched
from pytest_racecheck.diagnosis.verdict import Failure, Finding, Verdict
from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.engine.failure import stops_the_test
from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.nearmiss import Contracts, Pairs
from pytest_racecheck.free.nearmiss.budget import SHARE

MOST_RUNS = 1000


@dataclass(frozen=True)
class NearMissPlan:
    """How to look for near misses; ``checked`` raises UsageError for what makes no sense.

    ``share`` is the part of a run's time that delays may add up to, ``ignore`` files or places
    ("file.py:12") that get no gates, ``unsafe`` the user's thread-unsafe classes.
    """

    runs: int = 2
    replays: int = 3
    unsafe: Sequence[object] = ()
    strict: bool = False
    control: Sequence[str] = ()
    ignore: Sequence[str] = ()
    seed: int = 0
    share: float = SHARE
    root: str = "."

    def checked(self) -> NearMissPlan:
        """This plan, when it makes sense."""
        for name, least in (("runs", 1), ("replays", 0), ("seed", None)):
            value = getattr(self, name)
            if type(value) is not int or (least is not None and not least <= value <= MOST_RUNS):
                told = "a whole number" if least is None else f"from {least} to {MOST_RUNS}"
                raise UsageError(f"{name} must be {told}, got {value!r:.60}")
        if type(self.share) not in (int, float) or not 0 < self.share <= MOST_SHARE:
            raise UsageError(f"share must be above 0 and at most 10, got {self.share!r:.60}")
        if type(self.strict) is not bool:
            raise UsageError(f"strict must be True or False, got {self.strict!r:.60}")
        for name in ("unsafe", "control", "ignore"):
            value = getattr(self, name)
            texts = name == "unsafe" or (
                isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
            )
            if not isinstance(value, (list, tuple)) or not texts:
                kind = "classes or texts" if name == "unsafe" else "texts"
                raise UsageError(f"{name} must be a list of {kind}, got {value!r:.60}")
        self.contracts()
        return self

    def contracts(self) -> Contracts:
        """Which calls may not meet."""
        return Contracts(self.unsafe, strict=self.strict)


def nearmiss(
    body: Callable[[], object],
    *,
    saved_in: str | os.PathLike[str] | None = None,
    name: str | None = None,
    **plan: object,
) -> Finding:
    """Run ``body`` on free threads with delays where threads nearly met; *reproduced* if caught.

    Keywords are those of ``NearMissPlan``: ``runs`` (2), ``replays`` (3), ``unsafe``, ``strict``,
    ``control``, ``ignore``, ``seed``, ``share``, ``root``.  With ``saved_in``, a folder such as
    ".racecheck", pairs are kept there for the next call under ``name`` (default: the body's own).
    Raises UsageError for wrong arguments and inside a body that is being explored, and whatever
    stops a whole test (KeyboardInterrupt, a pytest skip).
    """
    unknown = set(plan) - set(NearMissPlan.__dataclass_fields__)
    if unknown:
        known = ", ".join(NearMissPlan.__dataclass_fields__)
        raise UsageError(f"unknown argument {sorted(unknown)[0]!r}: expected one of {known}")
    checked = NearMissPlan(**plan).checked()  # type: ignore[arg-type]
    _check_body(body)
    test = name or str(getattr(body, "__qualname__", type(body).__qualname__))
    files = None if saved_in is None else PairFiles(Path(saved_in))
    saved = Saved() if files is None else files.load(test)
    finding = nearmiss_plan(body, checked, saved)
    if files is not None:
        files.save(test, saved)
        finding = replace(finding, warnings=(*finding.warnings, *files.notes))
    return finding


def nearmiss_plan(body: Callable[[], object], plan: NearMissPlan, saved: Saved) -> Finding:
    """Run ``body`` as ``plan`` says; ``saved``, what is known of it, knows more afterwards."""
    if controlled() is not None:
        raise UsageError("nearmiss() was called inside a body that is being explored; call it out")
    files = getattr(body, "files_under_test", None) or _file_of(body)
    gates = gates_for(plan, tuple(files))
    with _alone(), gates_put_in(gates):
        return _Search(body, plan, saved, gates).finding()


_gates: dict[object, Gates] = {}


def gates_for(plan: NearMissPlan, files: tuple[str, ...] = ()) -> Gates:
    """The gates for the code under test; those made before are used again."""
    key = (os.path.abspath(plan.root), files, tuple(plan.control), tuple(plan.ignore))
    if key not in _gates:
        _gates[key] = Gates(*key)
    return _gates[key]


def _file_of(body: object) -> tuple[str, ...]:
    code = getattr(body, "__code__", None)
    return () if code is None else (code.co_filename,)


class _Search:
    """The runs of one body, until one fails."""

    def __init__(
        self, body: Callable[[], object], plan: NearMissPlan, saved: Saved, gates: Gates
    ) -> None:
        self._body, self._plan, self._saved = body, plan, saved
        self._under = Conditions(plan.contracts(), gates, str(plan.seed), plan.share)

    def finding(self) -> Finding:
        """Run until something is found, or the runs are over."""
        runs: list[Run] = []
        for number in range(1, self._plan.runs + 1):
            run = self._run()
            runs.append(run)
            failure = run.failure()
            if failure is not None:
                return self._failed(runs, run, failure, number)
        return passed(runs, self._saved)

    def _run(self, only: Pairs | None = None) -> Run:
        with watched(self._saved, self._under, only=only) as run:
            try:
                self._body()
            except Exception as error:
                if stops_the_test(error):
                    raise
                run.error = error
            except BaseException as error:
                if stops_the_test(error) or not _is_a_failure(error):
                    raise
                run.error = error
        return run

    def _failed(self, runs: list[Run], run: Run, failure: Failure, number: int) -> Finding:
        """Run again with the same pairs held, and count how often the same happens."""
        kept = run.caught if run.meetings else run.held
        for pair in kept:
            pair.found = True
        book = self._saved.pairs.only(kept)
        agree, made = 0, self._plan.replays
        for _ in range(made):
            other = self._run(only=book)
            agree += _same(run, failure, other)
        return failed(runs, self._saved, failure, number, (agree, made))


def _is_a_failure(error: BaseException) -> bool:
    """pytest's own failures are no ``Exception``."""
    return type(error).__name__ == "Failed" and type(error).__module__ == "builtins"


def _same(run: Run, failure: Failure, other: Run) -> bool:
    if run.meetings:
        pairs = {frozenset((m.first.where, m.second.where)) for m in run.meetings}
        return any(frozenset((m.first.where, m.second.where)) in pairs for m in other.meetings)
    again = other.failure()
    kinds = (failure.kind, failure.type, failure.where)
    return again is not None and (again.kind, again.type, again.where) == kinds


def failed(
    runs: Sequence[Run],
    saved: Saved,
    failure: Failure,
    number: int,
    replays: tuple[int, int],
) -> Finding:
    """The finding of a run that failed; ``replays``: further runs that agree, that were made."""
    run = runs[-1]
    agree, made = replays
    certain = bool(run.meetings) or (agree > 0 and run.delays > 0)
    what = "two threads met" if run.meetings else "it failed"
    again = f"; again in {agree} of {made} further runs" if made else ""
    held = _count(run.delays, "delay")
    reason = f"{what} in run {number} on free threads, with {held}{again}"
    if not run.meetings and not run.delays:
        reason = f"it failed in run {number} before any thread was held{again}"
    return Finding(
        Verdict.REPRODUCED if certain else Verdict.INCONCLUSIVE,
        reason,
        executions=len(runs),
        seconds=sum(one.seconds for one in runs),
        first_failure=number,
        failure=failure,
        replays=replays,
        near_misses=run.told(number, len(saved.pairs)),
    )


def passed(runs: Sequence[Run], saved: Saved) -> Finding:
    """The finding when nothing was caught: inconclusive, whatever was tried."""
    delays = sum(run.delays for run in runs)
    held_s = sum(run.delayed_s for run in runs)
    near = len(saved.pairs)
    reason = (
        f"nothing was caught in {_count(len(runs), 'run')} on free threads: "
        f"{_count(near, 'near miss', 'near misses')}, {_count(delays, 'delay')} "
        f"({held_s * 1000:.0f} ms); not a proof"
    )
    return Finding(
        Verdict.INCONCLUSIVE,
        reason,
        executions=len(runs),
        seconds=sum(run.seconds for run in runs),
        near_misses=replace(runs[-1].told(len(runs), near), held=()),
    )


def _count(number: int, noun: str, many: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {many or noun + 's'}"
