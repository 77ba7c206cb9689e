"""The table of near misses says what was measured, and an objection to a fix is not passed over."""

from __future__ import annotations

import threading
import time

import pytest
from tests.bench import nearmiss
from tests.bench.nearmiss import Row, measure, plain, summary, table
from tests.free.nearmiss_programs.twins import CALL, Program


def row(**more: object) -> Row:
    return Row("a_b", CALL, **{"trials": 2, "found": 1, "plain_s": 0.1, "ratios": [1.2], **more})


@pytest.mark.slow
def test_the_table_has_a_line_for_each_program_and_the_sums():
    assert table([row()])[-1].startswith("| a b | thread-unsafe call | 1 of 2 |")
    text = "\n".join(summary([row(), row(found=2)]))
    assert "3 of 4 searches of two runs found the bug (75%)" in text
    assert "0 of 4 searches of the mended programs objected" in text
    assert "wall time 1.20 times" in text


@pytest.mark.slow
def test_a_fix_that_is_objected_to_is_counted_and_the_command_fails(monkeypatch, capsys):
    def fails(broken: bool) -> None:
        raise ValueError("always")

    program = Program("always", CALL, fails)
    found = measure(program, 1)
    assert found.false == ["always"]
    assert found.plain_failures == 1
    assert found.found == 0, "it fails before anybody is held"
    monkeypatch.setattr(nearmiss, "ALL", (program,))
    assert nearmiss.main(["--trials", "1"]) == 1
    assert "1 of 1 searches of the mended programs objected" in capsys.readouterr().out


@pytest.mark.parametrize("inside", [False, True])
def test_a_plain_run_counts_failures_of_threads_too(inside):
    def body() -> None:
        def fails() -> None:
            raise ValueError("in a thread")

        thread = threading.Thread(target=fails)
        if inside:
            thread.start()
            thread.join()
        time.sleep(0)

    assert plain(body)[0] == inside
