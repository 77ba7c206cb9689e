"""What crosses from a child process comes out as it went in, and nothing else is rebuilt."""

from __future__ import annotations

import json
import unittest

import pytest

from pytest_racecheck import explore
from pytest_racecheck.diagnosis.wire import (
    pack_finding,
    pack_stop,
    raise_stop,
    read_story,
    unpack_finding,
    users_traceback,
)
from pytest_racecheck.errors import MissingDependency, RacecheckError, UsageError


def there_and_back(data):
    return json.loads(json.dumps(data))


def failing():
    raise ValueError("no")


def test_a_finding_comes_out_as_it_went_in():
    finding = explore(failing)
    again = unpack_finding(there_and_back(pack_finding(finding)))
    assert again == finding
    assert again.story == finding.story
    assert again.report(70) == finding.report(70)
    assert "ValueError: no" in again.failure.text


def test_a_finding_without_failure_comes_out_as_it_went_in():
    finding = explore(lambda: None)
    assert unpack_finding(there_and_back(pack_finding(finding))) == finding


@pytest.mark.parametrize(
    "stop",
    [
        pytest.skip.Exception("not today"),
        pytest.xfail.Exception("known"),
        pytest.exit.Exception("enough", 7),
        unittest.SkipTest("not today"),
        KeyboardInterrupt("now"),
        GeneratorExit(),
        UsageError("do it otherwise"),
        MissingDependency("pip install it"),
        RacecheckError("something else"),
    ],
    ids=lambda stop: type(stop).__name__,
)
def test_what_stops_a_test_is_raised_with_its_text_and_state(stop):
    with pytest.raises(type(stop)) as raised:
        raise_stop(there_and_back(pack_stop(stop)))
    assert str(raised.value) == str(stop)
    assert getattr(raised.value, "returncode", None) == getattr(stop, "returncode", None)
    assert getattr(raised.value, "msg", None) == getattr(stop, "msg", None)


@pytest.mark.parametrize(
    "name", [["os", "system"], ["builtins", "print"], ["builtins", "nothing"], ["_pytest", "x"]]
)
def test_nothing_but_an_exception_of_the_known_modules_is_rebuilt(name):
    message = {"stop": {"name": name, "args": ["touch me"], "state": {}}}
    with pytest.raises(RuntimeError, match=r"the isolated test was stopped by \S+"):
        raise_stop(message)


def test_a_finding_is_no_stop():
    raise_stop(pack_finding(explore(lambda: None)))


def test_a_story_that_was_cut_off_is_told_as_far_as_it_goes():
    told = b'["tasks", [["main", "main", 11], ["w", "main/0", 12]]]\n'
    told += (
        b'["step", [1, "write", "x", "t.py", 3, "w", 0, "", 1]]\n["value", [0, "5"]]\n["step", [0,'
    )
    story, tasks = read_story(told)
    assert [(step.task, step.label, step.value) for step in story.steps] == [(1, "write", "5")]
    assert story.paths == ("main", "main/0")
    assert tasks == {11: "main", 12: "main/0"}
    assert read_story(b"") == (None, {})


def test_a_traceback_leaves_our_own_frames_out():
    try:
        explore(failing, executions=-1)
    except UsageError as error:
        text = users_traceback(error)
    assert "test_wire.py" in text
    assert "diagnosis/find.py" not in text
