"""Programs with a bug and a fix: delays find the bug, and object to no fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.free.nearmiss_programs.all_programs import AFTERWARDS, ALL
from tests.free.nearmiss_programs.twins import CALL, CLOSE, READY, Program

from pytest_racecheck import Finding, Verdict, nearmiss
from pytest_racecheck.free.nearmiss import gates

ROOT = str(Path(__file__).parents[2])
#: One of each kind, and what it is found by: a meeting, or the failure that really happened.
QUICK = {
    "report_written_by_two": True,
    "sent_before_connected": False,
    "log_closed_too_early": False,
}
#: What is not seen at all (docs/limits.md): a file is no use of its folder, `with` no `close`.
UNSEEN = {"folder_removed_too_early", "pool_left_before_the_last_job"}
#: Enough for a machine that keeps threads waiting for longer than their gaps.
MANY_RUNS = 40


def programs(chosen: Callable[[Program], bool]) -> pytest.MarkDecorator:
    fitting = [program for program in (*ALL, *AFTERWARDS) if chosen(program)]
    return pytest.mark.parametrize("program", fitting, ids=lambda program: program.name)


def search(program: Program, body: Callable[[], object], **plan: object) -> Finding:
    def run() -> None:
        body()

    run.files_under_test = (program.body.__code__.co_filename,)  # type: ignore[attr-defined]
    return nearmiss(run, unsafe=program.unsafe, root=ROOT, replays=0, **plan)


def is_found(program: Program) -> Finding:
    finding = search(program, program.broken, runs=MANY_RUNS)
    assert finding.failure is not None, finding.reason
    assert finding.near_misses is not None
    return finding


@pytest.mark.slow
@programs(lambda program: program.name in QUICK)
def test_a_bug_is_found_and_its_fix_is_passed(program):
    finding = is_found(program)
    assert finding.near_misses is not None
    assert bool(finding.near_misses.meetings) == QUICK[program.name]
    mended = search(program, program.fixed, runs=3)
    assert mended.failure is None, mended.report()


def test_there_are_enough_programs_of_each_kind():
    kinds = [program.kind for program in ALL]
    assert len(ALL) >= 20
    assert min(kinds.count(kind) for kind in (CALL, READY, CLOSE)) >= 5
    assert len({program.name for program in ALL}) == len(ALL)


@pytest.mark.slow
@programs(lambda program: program in ALL and program.name not in UNSEEN)
def test_every_bug_is_found(program):
    is_found(program)
    assert gates.active is None


@pytest.mark.slow
@programs(lambda program: True)
def test_no_fix_is_objected_to(program):
    finding = search(program, program.fixed, runs=25, share=1.0)
    assert finding.failure is None, finding.report()
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.executions == 25


@pytest.mark.slow
@programs(lambda program: program.name in UNSEEN)
def test_what_is_not_seen_is_not_found(program):
    finding = search(program, program.broken, runs=5)
    assert finding.near_misses is not None
    assert finding.near_misses.delays == 0
