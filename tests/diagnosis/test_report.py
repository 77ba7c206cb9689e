"""A report fits its width, tells what matters, and ends with how to get there again."""

from __future__ import annotations

import threading
import time
from functools import cache, partial

import pytest

from pytest_racecheck import explore
from replay_programs import MAX_STEPS, PROGRAMS
from twins import Box, adder, crosswise, find, together

WIDTHS = (20, 40, 60, 80, 100, 160)


@cache
def findings():
    return list(explored())


def explored():
    for program, _, points in PROGRAMS.values():
        yield explore(program, points=points, strategy="exhaustive", max_steps=MAX_STEPS)
    _, add = adder(False)
    yield find(lambda: together(add, add))
    yield find(lambda: together(add, add), executions=3)
    yield find(int)
    yield find(partial(locked_up, 20))


def locked_up(threads):
    """More columns than fit anywhere."""
    gate = threading.Barrier(threads + 1)
    together(*[gate.wait] * threads)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_longer_than_the_width_but_the_command(width):
    for finding in findings():
        for line in finding.report(width).splitlines():
            too_long_a_word = len(line.split()[-1]) > width - 12 if line.split() else False
            assert len(line) <= width or line.startswith("replay:") or too_long_a_word, line


def test_the_last_line_is_the_command_and_it_works():
    for program, _, points in PROGRAMS.values():
        finding = explore(program, points=points, strategy="exhaustive", max_steps=MAX_STEPS)
        last = finding.report().splitlines()[-1]
        assert last == f"replay: replay(body, {finding.schedule!r})"
        assert finding.report(80, "pytest -k this").splitlines()[-1] == "replay: pytest -k this"


def test_the_verdict_comes_first_and_in_capitals():
    words = {finding.report().split("  ")[0] for finding in findings()}
    assert words == {"REPRODUCED", "RULED OUT", "INCONCLUSIVE"}


def test_a_race_of_data_shows_lines_and_values():
    program, _, _ = PROGRAMS["torn data"]
    report = explore(program).report(160)
    assert "self.balance += 10" in report
    assert "read Account.balance 0" in report
    assert report.count("write Account.balance 10") == 2
    assert "money is lost" in report


def test_a_time_out_is_told_where_it_was_waited_for():
    program, _, _ = PROGRAMS["time-out"]
    report = find(program).report(100)
    assert "Empty in main/1 (Thread-2 (ask))" in report
    assert "answers.get(timeout=1.2)" in report


def test_a_release_after_a_time_out_has_not_timed_out_itself():
    def body():
        lock, total = threading.Lock(), [0]

        def add():
            lock.acquire(timeout=0.1)
            total[0] += 1
            if lock.locked():
                lock.release()

        together(add, add)
        assert total == [2]

    lines = find(body).report().splitlines()
    assert any("acquire lock" in line and "timed out" in line for line in lines), lines
    assert any("release lock" in line for line in lines), lines
    assert not any("release lock" in line and "timed out" in line for line in lines), lines


def test_operations_of_one_task_alone_are_left_out_and_counted():
    def body():
        lock, box = threading.Lock(), Box()

        def add():
            own = threading.Lock()
            for _ in range(5):
                with own:
                    pass
            with lock:
                seen = box.value
            with lock:
                box.value = seen + 1

        together(add, add)
        assert box.value == 2

    assert "operations that no other task could see are left out" in find(body).report()


def test_a_long_story_is_shortened():
    def body():
        lock, box = threading.Lock(), Box()

        def add():
            for _ in range(100):
                with lock:
                    seen = box.value
                with lock:
                    box.value = seen + 1

        together(add, add)
        assert box.value == 200

    report = find(body, strategy="random").report()
    assert len(report.splitlines()) < 300


@pytest.mark.parametrize(
    "message",
    [
        "\x1b[2J\x1b[31mred",
        "first\nsecond\n" + "many\n" * 500,
        "x" * 100_000,
        "tab\tand \x00 null \x07 bell",
        "\ud800 lone",
        "",
        "%s {} %(name)s",
        "日本語 and émoji 🙂",
    ],
)
def test_any_message_of_the_program_is_told_safely(message):
    def body():
        def fail():
            raise ValueError(message)

        together(fail)

    report = find(body).report()
    assert "\x1b" not in report
    assert "\x00" not in report
    assert "\x07" not in report
    assert len(report) < 20_000
    report.encode("utf-8")


def test_names_of_threads_are_told_safely():
    def body():
        crosswise_named("\x1b[31mred\n", "long " * 100)

    def crosswise_named(*names):
        one, other = threading.Lock(), threading.Lock()

        def take(first, second):
            with first, second:
                pass

        pairs = ((one, other), (other, one))
        threads = [
            threading.Thread(target=take, args=pair, name=name)
            for name, pair in zip(names, pairs, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    report = find(body).report()
    assert "\x1b" not in report
    assert all(len(line) <= 80 for line in report.splitlines() if not line.startswith("replay"))


def test_the_report_of_a_search_that_failed_nothing_says_how_much_was_run():
    finding = find(partial(crosswise, threading.Lock(), threading.Lock(), False))
    assert finding.report().startswith("RULED OUT  every schedule of 3 tasks (2 executions)")


def test_a_report_does_not_run_the_program_again():
    calls = []

    def body():
        calls.append(1)
        together(partial(time.sleep, 1), partial(int, "x"))

    finding = find(body)
    before = len(calls)
    finding.report(), finding.report(160), finding.as_json()
    assert len(calls) == before
