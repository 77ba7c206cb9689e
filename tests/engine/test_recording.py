"""What a schedule passed through: as plain data and back, and nothing else is read."""

from __future__ import annotations

import json

import pytest

from pytest_racecheck import explore
from pytest_racecheck.engine.recording import MAX_ENTRIES, Landmark, Move, Recording
from pytest_racecheck.errors import UsageError
from replay_programs import torn_data

GOOD = {
    "schedule": "rc1:random:1:aa",
    "tasks": ["main", "main/0"],
    "operations": [["begin", "", "", ""], ["read x", "f", "y = x", "f.py"]],
    "moves": "0:0x2 1:1 0:1",
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    found = explore(torn_data, record=True, strategy="random")
    assert found.recording is not None
    return found.recording


def test_a_recording_knows_task_operation_function_and_source_line(recording):
    last = recording.moves[-1]
    assert last.task == "main/1"
    assert last.at.label == "write balance"
    assert last.at.function == "torn_data.<locals>.Account.deposit"
    assert last.at.line == "self.balance += 10"
    assert last.at.file.endswith("tests/replay_programs.py")
    assert not last.at.file.startswith("/"), "below the root it has no path of this machine"


def test_a_recording_has_a_move_for_each_choice_of_its_schedule(recording):
    assert len(recording.moves) == len(Recording.of_text(recording.schedule).moves)


def test_a_recording_survives_its_way_through_a_file(recording):
    assert Recording.of_json(json.loads(json.dumps(recording.as_json()))) == recording
    again = Recording.of_json(GOOD)
    assert [move.task for move in again.moves] == ["main", "main", "main/0", "main"]
    assert again.as_json() == GOOD


def test_a_search_keeps_no_recording_unless_it_is_asked_for():
    assert explore(torn_data, strategy="random").recording is None


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": 3},
        {"schedule": "rc9:random:1:aa"},
        {"moves": ["0:0"]},
        {"moves": "0:7"},
        {"moves": "7:0"},
        {"moves": "0-0"},
        {"moves": "0:0x999999"},
        {"moves": "0:0x0"},
        {"tasks": None},
        {"tasks": ["main", 3]},
        {"tasks": ["main"] * (MAX_ENTRIES + 1)},
        {"operations": [["begin"]]},
        {"operations": [["x" * 500, "", "", ""]]},
        {"operations": {"begin": 1}},
    ],
    ids=str,
)
def test_what_is_no_recording_is_refused_in_a_sentence(change):
    with pytest.raises(UsageError):
        Recording.of_json({**GOOD, **change})


@pytest.mark.parametrize("data", [None, [], "text", 3, {}], ids=str)
def test_what_is_not_even_an_object_is_refused(data):
    with pytest.raises(UsageError):
        Recording.of_json(data)


def test_an_operation_resembles_the_same_one_on_another_line_and_no_other():
    one = Landmark("read x", "f", "y = x", "f.py")
    assert one.resembles(Landmark("read x", "f", "z = x + 1", "f.py"))
    assert not one.resembles(Landmark("write x", "f", "y = x", "f.py"))
    assert not one.resembles(Landmark("read x", "g", "y = x", "f.py"))
    assert Move("1").at.resembles(one), "a text alone knows no operations"
