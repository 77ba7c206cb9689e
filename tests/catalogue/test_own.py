"""A system of the user's in the place of a variant: it is broken, or it is not, or it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_racecheck import explore, run_scenario
from pytest_racecheck.catalogue.own import own_system, wanted_by
from pytest_racecheck.cli import main
from pytest_racecheck.errors import UsageError

OWN = '''
"""Counters of somebody who wants to know."""
import threading

class Racy:
    class Counter:
        def __init__(self, parties):
            self.value = 0
        def add(self):
            self.value += 1

class Locked:
    class Counter:
        def __init__(self, parties):
            self.value, self.lock = 0, threading.Lock()
        def add(self):
            with self.lock:
                self.value += 1

class Other:
    pass

class Needy:
    def __init__(self, url):
        pass
'''


@pytest.fixture
def own(tiny, tmp_path, monkeypatch):
    """A package with counters, in the current folder; gives the folder of scenarios."""
    tiny.change('strategy    = "bounded"', 'points = "access"\nstrategy    = "bounded"')
    (tmp_path / "own_counters.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return str(tiny.folder)


def run(own, system, *more):
    return main(["run", "tiny_counter", "--scenarios", own, "--system", system, *more])


def test_a_racy_one_is_broken_and_a_locked_one_is_not(own, capsys):
    assert run(own, "own_counters:Racy", "--mode", "controlled") == 1
    said = capsys.readouterr().out
    assert "BROKEN  own_counters:Racy" in said
    assert "--system own_counters:Racy" in said
    schedule = next(word for word in said.split() if word.startswith("rc1:"))
    replay = ["replay", "tiny_counter/fixed", schedule, "--scenarios", own]
    assert main([*replay, "--system", "own_counters:Racy"]) == 1
    assert "an update was lost" in capsys.readouterr().out
    assert run(own, "own_counters:Locked") == 0
    assert "kept    own_counters:Locked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("own_counters:Other", "lacks Counter, which tiny_counter asks its system for"),
        ("own_counters:Needy", "cannot be made without arguments"),
        ("own_counters:Nobody", "own_counters has no 'Nobody'"),
        ("nowhere:Racy", "module 'nowhere' cannot be imported"),
    ],
)
def test_a_system_that_cannot_be_used_says_why(own, system, said):
    with pytest.raises(UsageError) as caught:
        own_system(system, Path(own, "tiny_counter", "workload.py"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_and_the_command_ends_with_misuse(own, capsys):
    assert run(own, "own_counters:Other", "--mode", "controlled") == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "lacks Counter, which tiny_counter asks its system for" in said


@pytest.mark.parametrize("system", ["Racy", "own_counters.py", "a:b:c", ":x"])
def test_a_name_of_another_form_is_refused_at_once(own, capsys, system):
    assert run(own, system) == 2
    assert "write it as mypkg.rpc:Client" in capsys.readouterr().err


def test_a_scenario_must_be_named(own, capsys):
    assert main(["run", "--scenarios", own, "--system", "own_counters:Racy"]) == 2
    assert "name the scenario" in capsys.readouterr().err


def test_the_same_in_a_test(own):
    import own_counters

    def body(system):
        return lambda: run_scenario("tiny_counter", system, scenarios=own)

    racy = explore(body(own_counters.Racy), control=["own_counters"], executions=300)
    assert racy.failure is not None
    assert racy.failure.message.startswith("an update was lost")
    locked = explore(body(own_counters.Locked), control=["own_counters"], executions=300)
    assert locked.failure is None
    with pytest.raises(UsageError, match="Other lacks Counter"):
        run_scenario("tiny_counter", own_counters.Other, scenarios=own)
    with pytest.raises(UsageError, match=r"transport='tcp'.*offers none"):
        run_scenario("tiny_counter", own_counters.Locked, scenarios=own, transport="tcp")
    with pytest.raises(UsageError, match="unknown scenario"):
        run_scenario("tiny_countr", own_counters.Locked, scenarios=own)


def test_what_a_workload_asks_its_system_for_is_read_from_it(tiny):
    assert wanted_by(tiny.folder / "tiny_counter" / "workload.py") == ["Counter"]
