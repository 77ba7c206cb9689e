"""The story of an execution: one row for each operation, with what was read or written."""

from __future__ import annotations

import queue
import threading
from types import SimpleNamespace

import pytest

from pytest_racecheck import explore
from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.task import Task
from pytest_racecheck.engine.trace import Trace
from twins import Box, together


def story(body):
    """What each task does, as (task, label, target) in its order."""
    trace = Trace()
    with control_threads() as control:
        runner = Runner(body, before=lambda _: control.before())
        with runner.ready():
            execution = runner.replay(Schedule("random", (), ""), trace)
    return execution, trace.steps


def test_a_call_of_the_library_is_one_row_in_the_words_of_the_user():
    def body():
        orders = queue.Queue()
        together(lambda: [orders.put(1), orders.put(2), orders.get()])

    _, steps = story(body)
    assert [step.label for step in steps if step.task == 1] == [
        "Queue.put",
        "Queue.put",
        "Queue.get",
    ]
    assert {step.target for step in steps if step.task == 1} == {"`orders`"}


def test_two_calls_in_a_loop_are_two_rows():
    def body():
        orders = queue.Queue()

        def put():
            for number in range(3):
                orders.put(number)

        together(put)

    _, steps = story(body)
    assert [step.label for step in steps if step.task == 1] == ["Queue.put"] * 3


def test_another_call_whose_frame_lies_where_the_last_one_lay_is_another_row():
    trace, task = Trace(), Task(1, "main/0", "worker", None)
    # One object, changed, as a frame at the same address would be.
    frame = SimpleNamespace(f_code=queue.Queue.empty.__code__, f_lasti=10)
    assert not trace._goes_on(task, frame, 4)
    frame.f_lasti = 20
    assert trace._goes_on(task, frame, 4), "a further step of the same call"
    frame.f_code, frame.f_lasti = queue.Queue.get_nowait.__code__, 30
    assert not trace._goes_on(task, frame, 8)
    frame.f_lasti = 40
    assert not trace._goes_on(task, frame, 12), "the same method, called from another place"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        ("text", "'text'"),
        (None, "None"),
        ([1, 2], "[1, 2]"),
        ([0] * 9, "list of 9"),
        ({"a": 1}, "{'a': 1}"),
        (Box(), "<Box>"),
        (threading.Lock(), "<lock>"),
        ("x" * 100, "…"),
    ],
)
def test_values_are_shown_shortly_and_without_addresses(value, shown):
    from pytest_racecheck.engine.naming import value_text

    text = value_text(value)
    assert shown in text
    assert " at 0x" not in text
    assert len(text) <= 40


def test_what_a_stuck_task_would_do_next_is_the_last_row():
    def body():
        never = threading.Event()
        together(lambda: never.wait())

    execution, steps = story(body)
    assert execution.failures[0].kind == "deadlock"
    assert [(step.task, step.label) for step in steps[-2:]] == [
        (0, "waits to join"),
        (1, "waits in Event.wait of"),
    ]


def test_what_was_written_is_shown_as_it_was_before_another_task_changed_it():
    def body():
        box, seen = Box(), []

        def write_and_look():
            box.value = 1
            seen.append(box.value)

        def write():
            box.value = 2

        together(write_and_look, write)
        assert seen == [1]

    rows = [line.split() for line in explore(body).report(200).splitlines()]
    assert [row[-1] for row in rows if row[:1] == ["write"] and "Box.value" in row] == [
        "0",
        "1",
        "2",
    ]


def test_a_time_out_is_not_told_of_the_next_operation():
    def body():
        lock = threading.Lock()
        lock.acquire()
        together(lambda: [lock.acquire(timeout=1), lock.release()])
        raise AssertionError("as it should be")

    rows = explore(body).report(200).splitlines()
    assert any("acquire lock" in row and "timed out" in row for row in rows)
    assert not any("release" in row and "timed out" in row for row in rows)
