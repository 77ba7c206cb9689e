"""One job in child processes: what is handed to the search, and what happens to the servers."""

import os
import signal

import pytest

from pytest_racecheck.catalogue.body import load, make_body, module_name
from pytest_racecheck.catalogue.conduct import Conductor
from pytest_racecheck.catalogue.find import select
from pytest_racecheck.catalogue.harness import Harness, Measurements, search_options
from pytest_racecheck.catalogue.jobs import Wishes, jobs_for
from pytest_racecheck.catalogue.schema import ScenarioError

KILLER = """
import os, signal

class Counter:
    value = 0
    def __init__(self, parties): os.kill(os.getppid(), signal.SIGKILL)
"""
KILLER_VARIANT = """
[variants.killer]
role    = "control"
modes   = ["free"]
[variants.killer.free]
expects = "reproduced"
runs    = 1
"""
HANG = """
[variants.hang]
role    = "control"
modes   = ["free"]
[variants.hang.free]
expects = "reproduced"
runs    = 1
deadline_s = 600
"""


def jobs(tiny, *names, **wishes):
    return jobs_for(select(tiny.folder, names), Wishes(**wishes))


def judge(harness, job):
    return harness.judge(job, lambda done, of: None)


def test_the_search_gets_the_declared_bounds_and_the_modules_by_name(tiny):
    job = jobs(tiny, "tiny_counter/fixed", mode="controlled", seed=5)[0]
    assert search_options(job, job.promise) == {
        "strategy": "bounded",
        "executions": 500,
        "seconds": 20,
        "points": "sync",
        "preemptions": 1,
        "seed": 5,
        "isolate": False,
        "control": ["scenario_tiny_counter_workload", "scenario_tiny_counter_fixed"],
    }


UNSAFE = '''
"""Reads, then writes, and nothing between."""

class Counter:
    def __init__(self, parties): self.value = 0
    def add(self): self.value += 1
'''


def test_access_level_sees_into_the_variant(tiny):
    folder = tiny.write(more='[variants.racy]\nrole = "buggy"\nexpects = "reproduced"\n')
    assert not (folder / "racy.py").exists()
    (folder / "racy.py").write_text(UNSAFE.lstrip())
    with Harness(Measurements()) as harness:
        [access] = jobs(tiny, "tiny_counter/racy", mode="controlled", points="access")
        assert judge(harness, access).kept is True
        [sync] = jobs(tiny, "tiny_counter/racy", mode="controlled", points="sync")
        assert judge(harness, sync).kept is False


RAISING = """
import threading

class Counter:
    value = 2
    def __init__(self, parties): self.first = threading.Lock()
    def add(self):
        with self.first: raise ValueError("in a thread")
"""
SLEEPING = """
import time

class Counter:
    value = 2
    def __init__(self, parties): pass
    def add(self): time.sleep(3600)
"""
ODD = """
[variants.odd]
role    = "control"
modes   = ["controlled"]
expects = "{expects}"
"""


def test_an_exception_in_a_task_is_the_failure_that_the_search_finds(tiny):
    folder = tiny.write(more=ODD.format(expects="reproduced"))
    (folder / "odd.py").write_text(RAISING)
    with Harness(Measurements()) as harness:
        [job] = jobs(tiny, "tiny_counter/odd")
        record = judge(harness, job)
    assert record.kept is True
    failure = record.found.failure
    assert (failure["kind"], failure["type"], failure["where"]) == (
        "exception",
        "ValueError",
        "odd.py:8",
    )
    assert record.found.replays == (3, 3)


def test_time_under_control_is_virtual_in_children_too(tiny):
    """An hour of sleep would not end before the search's deadline, were it real."""
    folder = tiny.write(more=ODD.format(expects="ruled out"))
    (folder / "odd.py").write_text(SLEEPING)
    with Harness(Measurements()) as harness:
        [job] = jobs(tiny, "tiny_counter/odd")
        assert judge(harness, job).kept is True


def test_a_server_that_dies_costs_its_job_only(tiny):
    folder = tiny.write(more=KILLER_VARIANT)
    (folder / "killer.py").write_text(KILLER)
    killer = jobs(tiny, "tiny_counter/killer")[0]
    fixed = jobs(tiny, "tiny_counter/fixed", mode="free")[0]
    with Harness(Measurements()) as harness:
        record = judge(harness, killer)
        assert record.kept is False
        assert "The run did not come to an end: the fork server is gone" in record.found.reason
        assert judge(harness, fixed).kept is True


def test_every_run_of_a_job_is_told(tiny):
    told = []
    with Harness(Measurements()) as harness:
        harness.judge(
            jobs(tiny, "tiny_counter/buggy", mode="free")[0],
            lambda done, of: told.append((done, of)),
        )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_workers_share_the_jobs_and_nothing_is_judged_twice(tiny):
    for number in range(4):
        tiny.write(f"tiny_{number}")
    wanted = jobs(tiny, mode="free")
    with Conductor(wanted, workers=3) as conductor:
        judged = [event.at for event in conductor.events() if event.record is not None]
    assert sorted(judged) == list(range(len(wanted)))


def test_leaving_the_conductor_early_ends_its_children(tiny):
    tiny.write(more=HANG)
    with Conductor(jobs(tiny, "tiny_counter/hang"), workers=1) as conductor:
        next(conductor.events())
        [harness] = conductor._harnesses
        threads = conductor._threads
    assert not any(thread.is_alive() for thread in threads)
    assert not harness._servers


def test_our_own_mistake_in_a_worker_is_raised_and_not_swallowed(tiny, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Harness, "judge", broken)
    with pytest.raises(ZeroDivisionError), Conductor(jobs(tiny), workers=2) as conductor:
        list(conductor.events())


def test_a_module_is_loaded_by_path_under_a_name_of_its_own(tiny):
    folder = tiny.folder / "tiny_counter"
    assert load(folder, "fixed").__name__ == module_name(folder, "fixed")
    assert module_name(folder, "fixed") == "scenario_tiny_counter_fixed"


def test_a_workload_without_run_is_named(tiny):
    folder = tiny.folder / "tiny_counter"
    (folder / "workload.py").write_text("walk = 1\n")
    with pytest.raises(ScenarioError, match=r"workload\.py: it has no function run"):
        make_body(str(folder), "fixed", None, threads=1, messages=1)


def test_a_server_killed_between_two_jobs_costs_the_next_one_only(tiny):
    fixed = jobs(tiny, "tiny_counter/fixed", mode="free")[0]
    with Harness(Measurements()) as harness:
        judge(harness, fixed)
        [server] = harness._servers.values()
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait()
        again = jobs(tiny, "tiny_counter/fixed", mode="free", seed=9)[0]
        assert judge(harness, again).kept is False
        assert judge(harness, again).kept is True
