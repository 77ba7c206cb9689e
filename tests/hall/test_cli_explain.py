"""`racecheck explain` tells why a test fails, as text and as JSON, and says when nothing does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COUNTER = """
import threading


class Counter:
    value = 0

    def add(self):
        self.value += {}


def test_counter(racecheck):
    counter = Counter()
    racecheck.spawn(counter.add)
    racecheck.spawn(counter.add)
    racecheck.join()
    assert counter.value == {}
"""


@pytest.fixture
def explain(tmp_path):
    (tmp_path / "test_bad.py").write_text(COUNTER.format(1, 2))
    (tmp_path / "test_good.py").write_text(COUNTER.format(0, 0))

    def run(*words):
        command = [sys.executable, "-m", "pytest_racecheck", "explain", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_a_test_is_explained_as_text_and_as_json(explain):
    told = explain("test_bad.py::test_counter")
    assert told.returncode == 0, told.stderr
    assert "lost update: " in told.stdout
    assert "it jumps with choice" in told.stdout
    found = explain("test_bad.py::test_counter", "--json")
    finding = json.loads(found.stdout)
    assert finding["explanation"]["pattern"] == "lost update"
    again = explain("test_bad.py::test_counter", finding["schedule"], "--json")
    where = json.loads(again.stdout)["failure"]["where"]
    assert where == finding["failure"]["where"]


def test_where_nothing_fails_the_status_says_so(explain):
    told = explain("test_good.py::test_counter")
    assert told.returncode == 1
    assert "REPRODUCED" not in told.stdout


def test_where_pytest_cannot_run_the_test_the_line_that_says_why_is_kept(explain, tmp_path):
    told = explain("test_bad.py::test_none")
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert "not found: " in told.stderr
    (tmp_path / "conftest.py").write_text("import warnings, no_such_module\n")
    told = explain("test_bad.py::test_counter")
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert told.stderr.endswith("ModuleNotFoundError: No module named 'no_such_module'\n")


@pytest.mark.parametrize("words", [("nothing",), ("test_bad.py::test_counter", "rc1:no")])
def test_misuse_is_one_sentence(explain, words):
    told = explain(*words)
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
