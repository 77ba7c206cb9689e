"""Fixtures of function scope: set up and torn down in every execution, under the same schedule."""

from __future__ import annotations

import threading

import pytest


def test_each_execution_gets_its_own_set_up_and_tear_down(suite):
    suite.write("""
made, ended = [], []

@pytest.fixture
def box():
    box = []
    made.append(box)
    yield box
    ended.append(box)

@coarse
def test_fill(box):
    assert box == []
    together(lambda: box.append(1))
    assert box == [1]

def test_every_box_was_torn_down():
    assert len(made) == len(ended) > 5  # pytest's own set-up, and one for each execution
    assert made == ended and len({id(box) for box in made}) == len(made)
""")
    run = suite.here()
    run.outcomes(passed=2)
    assert run.findings["test_fill"]["verdict"] == "ruled out"


def test_a_worker_that_a_fixture_starts_ends_in_its_own_execution(suite):
    suite.write("""
@pytest.fixture
def worker():
    jobs, done = queue.Queue(), []
    def work():
        while (job := jobs.get()) is not None:
            done.append(job * 2)
    thread = threading.Thread(target=work)
    thread.start()
    yield jobs, done
    jobs.put(None)
    thread.join()

@pytest.mark.racecheck(points="sync", executions=200, patience_s=0.3)
def test_worker(worker):
    jobs, done = worker
    jobs.put(1)
""")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["executions"] > 1
    assert run.finding["warnings"] == []


def test_a_race_in_the_tear_down_is_found(suite):
    suite.write("""
@pytest.fixture
def log():
    lines = []
    yield lines
    assert lines == ["written"], "torn down before it was written"

@quick
def test_log(log):
    threading.Thread(target=lambda: log.append("written")).start()
""")
    run = suite.here()
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced"
    run.says("torn down before it was written")


def test_an_error_of_the_tear_down_does_not_hide_that_of_the_test(suite):
    suite.write("""
@pytest.fixture
def bad():
    yield
    raise RuntimeError("at the end")

@coarse
def test_both(bad):
    together(lambda: None)
    assert False, "in the middle"
""")
    run = suite.here()
    run.outcomes(failed=1)
    assert run.finding["failure"]["type"] == "AssertionError"
    run.says("in the middle", "also, at its tear-down: RuntimeError: at the end")


def test_every_finaliser_runs_where_the_execution_deadlocks(suite):
    suite.write("""
import os
order = []

@pytest.fixture
def first():
    yield
    order.append("first")

@pytest.fixture
def waits(first):
    yield
    threading.Event().wait()

@pytest.fixture
def last(waits, monkeypatch):
    monkeypatch.setattr(os, "name", "patched")
    yield
    order.append("last")

@quick
def test_stuck(last):
    threading.Event().wait()

def test_all_is_undone():
    assert os.name == "posix"
    assert order.count("first") == order.count("last") >= 2
""")
    run = suite.here()
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["kind"] == "deadlock"


def test_tmp_path_is_empty_and_the_same_in_each_execution(suite):
    suite.write("""
seen = set()

@quick
def test_files(tmp_path):
    assert list(tmp_path.iterdir()) == []
    seen.add(str(tmp_path))
    together(lambda: (tmp_path / "a").write_text("1"), lambda: (tmp_path / "b").write_text("2"))
    assert len(list(tmp_path.iterdir())) == 2

def test_one_folder(): assert len(seen) == 1
""")
    run = suite.here()
    run.outcomes(passed=2)
    assert run.findings["test_files"]["failure"] is None


def test_monkeypatch_is_undone_between_executions(suite):
    suite.write("""
class Config: level = 0

@coarse
def test_patch(monkeypatch):
    assert Config.level == 0 and "LEVEL" not in os.environ
    monkeypatch.setattr(Config, "level", 1)
    monkeypatch.setenv("LEVEL", "1")
    together(lambda: None)
    assert Config.level == 1

def test_after(): assert Config.level == 0
""")
    suite.here().outcomes(passed=2)


def test_capsys_sees_the_prints_of_one_execution(suite):
    suite.write("""
@coarse
def test_print(capsys):
    together(lambda: print("hello"))
    out, err = capsys.readouterr()
    assert (out, err) == ("hello\\n", "")

@coarse
def test_native(capfd):
    together(lambda: os.write(1, b"raw\\n"))
    assert capfd.readouterr().out == "raw\\n"
""")
    suite.apart().outcomes(passed=2)


def test_caplog_sees_the_records_of_one_execution(suite):
    suite.write("""
import logging

@pytest.fixture
def noisy():
    logging.warning("set up")
    yield
    logging.warning("torn down")

@pytest.mark.racecheck(points="sync", executions=100, patience_s=0.3)
def test_log(noisy, caplog):
    together(lambda: logging.warning("from a task"))
    assert [record.getMessage() for record in caplog.records] == ["from a task"]
    assert [record.getMessage() for record in caplog.get_records("setup")] == ["set up"]
    assert caplog.text.count("from a task") == 1
""")
    suite.here().outcomes(passed=1)


def test_recwarn_sees_the_warnings_of_one_execution(suite):
    suite.write("""
import warnings

@coarse
def test_warn(recwarn):
    together(lambda: warnings.warn("careful"))
    assert [str(each.message) for each in recwarn] == ["careful"]
""")
    suite.here().outcomes(passed=1)


def test_a_fixture_that_is_asked_for_while_the_test_runs_is_fresh(suite):
    suite.write("""
@pytest.fixture
def box(): return []

@coarse
def test_late(request):
    box = request.getfixturevalue("box")
    together(lambda: box.append(1))
    assert box == [1]
""")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["verdict"] == "ruled out"


def test_autouse_fixtures_count(suite):
    suite.write("""
state = []

@pytest.fixture(autouse=True)
def clean():
    state.clear()

@coarse
def test_one():
    together(lambda: state.append(1))
    assert state == [1]
""")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["verdict"] == "ruled out"


@pytest.mark.parametrize("scope", ["module", "session", "class"])
def test_what_a_wider_fixture_keeps_is_said_to_be_left_over(suite, scope):
    suite.write(f"""
@pytest.fixture(scope="{scope}")
def shared(): return []

@pytest.mark.racecheck(strategy="random", executions=100)
def test_once(shared):
    together(lambda: shared.append(1))
    assert len(shared) <= 30, "state of an earlier execution"
""")
    run = suite.here()
    run.outcomes(passed=1)  # it would have, once
    assert run.finding["verdict"] == "inconclusive"
    run.says("leftover state of a module, or of a fixture of a wider scope?")
    run.says("it failed with AssertionError at test_it.py:18")
    suite.configure(racecheck_strict="true")
    suite.here().outcomes(failed=1)


def test_left_over_state_is_the_same_verdict_where_somebody_is_suspected(suite):
    suite.write("""
STATE = []

@pytest.mark.racecheck(strategy="random", executions=100)
def test_once():
    together(lambda: STATE.append(1))
    assert len(STATE) <= 30, "state of an earlier execution"
""")
    end = threading.Event()
    beside = threading.Thread(target=lambda: end.wait())  # not the library's own code only
    beside.start()
    try:
        run = suite.here()
    finally:
        end.set()
        beside.join()
    run.outcomes(passed=1)
    run.says("set it up anew in the body; suspect: a thread that is not controlled")
    run = suite.here()
    run.outcomes(passed=1)
    run.says("suspect: leftover state: test_it.STATE")


def test_a_wider_fixture_without_state_is_no_matter(suite):
    suite.write("""
@pytest.fixture(scope="module")
def limit(): return 2

@coarse
def test_it(limit):
    box = []
    together(lambda: box.append(1), lambda: box.append(2))
    assert len(box) == limit
""")
    run = suite.here()
    run.outcomes(passed=1)
    assert run.finding["verdict"] == "ruled out"


def test_record_property_is_recorded_once(suite):
    suite.write("""
@coarse
def test_it(record_property):
    record_property("answer", 42)
    together(lambda: None)
""")
    suite.here("--junitxml=report.xml").outcomes(passed=1)
    assert (suite.path / "report.xml").read_text().count('name="answer"') == 1


def test_a_fixture_that_fails_now_and_then_is_a_failure_with_its_schedule(suite):
    suite.write("""
@pytest.fixture
def pair():
    box = []
    threads = [threading.Thread(target=box.append, args=(n,)) for n in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert box == [0, 1], "the fixture races"
    return box

@quick
def test_it(pair): pass
""")
    run = suite.here()
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced"
    run.says("the fixture races")


SHOP = """
class Shop:
    def __init__(self):
        self.n, self.lock = 1, threading.Lock()
    def buy(self):
        with self.lock:
            self.n -= self.n > 0
            return self.n

@pytest.fixture(scope="{scope}")
def shop():
    return Shop()

class TestShop:
    @quick
    def test_the_last_one_is_sold(self, shop):
        before, left = shop.n, []
        together(*[lambda: left.append(shop.buy())] * 2)
        assert before - left[-1] == 1
"""


@pytest.mark.parametrize("scope", ["class", "session"])
def test_what_a_fixture_of_a_wider_scope_keeps_is_no_race(suite, scope):
    suite.write(SHOP.format(scope=scope))
    finding = suite.here().finding
    assert finding["verdict"] == "inconclusive"
    assert f"suspect: leftover state: fixture `shop` (scope {scope})" in finding["reason"]


def test_the_same_fixture_made_anew_is_clean(suite):
    suite.write(SHOP.format(scope="function"))
    finding = suite.here().finding
    assert finding["verdict"] == "ruled out", finding["reason"]


def test_a_race_beside_a_fixture_that_keeps_nothing_is_still_reproduced(suite):
    suite.write(RACY_SHARED)
    assert suite.here().finding["verdict"] == "reproduced"


RACY_SHARED = """
@pytest.fixture(scope="module")
def step():
    return [1]

@quick
def test_count(step):
    total = [0]
    def add():
        total[0] += step[0]
    together(add, add)
    assert total == [2]
"""
