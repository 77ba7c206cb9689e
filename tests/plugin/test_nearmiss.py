"""Near misses under pytest: the marker, the option that watches a suite, what is kept and said."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

# Loaded here, so that an inner run in this process does not load and patch its own copies.
import pytest_racecheck.item_nearmiss
from pytest_racecheck.free.nearmiss import budget as budget_module
from pytest_racecheck.free.nearmiss import pairs as pairs_module

CACHE = """
class Cache:
    def __init__(self):
        self.entries, self.lock = {}, threading.Lock()
    def get(self, key):
        if key not in self.entries:
            self.entries[key] = object()
    def locked(self, key):
        with self.lock:
            self.get(key)

def late(function):
    def late():
        time.sleep(0.02)
        function("a")
    return late
"""
BROKEN = """
def test_broken():
    cache = Cache()
    together(lambda: cache.get("a"), late(cache.get))
"""
FIXED = """
def test_fixed():
    cache = Cache()
    together(lambda: cache.locked("a"), late(cache.locked))
"""
MARK = "@pytest.mark.racecheck_nearmiss"


@pytest.fixture
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, who is held is there when the other one comes."""
    monkeypatch.setattr(pairs_module, "MARGIN_S", 0.5)
    monkeypatch.setattr(pairs_module, "PATIENT_S", 20.0)
    monkeypatch.setattr(pairs_module, "LONGEST_S", 20.0)
    monkeypatch.setattr(budget_module, "ALLOWANCE_S", 60.0)


def test_a_marked_test_is_run_twice_and_fails_where_threads_are_caught(suite, generous):
    suite.write(f"{CACHE}\n{MARK}\n{BROKEN.lstrip()}\n{MARK}(runs=1)\n{FIXED.lstrip()}")
    run = suite.here()
    run.outcomes(failed=1, passed=1)
    run.says(
        "illegal sharing at test_it.py",
        "REPRODUCED two threads met in run 2 on free threads",
        "of the same dict: what was looked at before has changed when it is acted upon",
        "nothing was caught in 1 run on free threads",
    )
    found = run.findings["test_broken"]
    assert found["verdict"] == "reproduced"
    assert len(found["near_misses"]["meetings"][0]["threads"]) == 2
    assert run.findings["test_fixed"]["verdict"] == "inconclusive"


def test_each_run_has_fixtures_of_its_own(suite):
    suite.write(
        f"""
seen = []
{MARK}(runs=3)
def test_it(tmp_path):
    assert not list(tmp_path.iterdir())
    (tmp_path / "x").write_text("")
    seen.append(1)
def test_after():
    assert len(seen) == 3
"""
    )
    suite.here().outcomes(passed=2)


def test_a_suite_is_watched_and_caught_in_its_second_session(suite, generous):
    suite.database = None
    suite.write(CACHE + BROKEN + FIXED)
    first = suite.here("--racecheck-nearmiss")
    first.outcomes(passed=2)
    first.says("2 tests with near misses, 2 pairs, 0 delays (0.00 s); 0 tests caught")
    texts = [path.read_text() for path in suite.path.glob(".racecheck/nearmiss/*.json")]
    tests = sorted(json.loads(text)["test"] for text in texts)
    assert tests == ["test_it.py::test_broken", "test_it.py::test_fixed"]
    assert not any(str(suite.path) in text for text in texts)
    second = suite.here("--racecheck-nearmiss")
    second.outcomes(passed=1, failed=1)
    second.says("caught: test_it.py::test_broken", "REPRODUCED two threads met in run 1")
    plain = suite.here()
    plain.outcomes(passed=2)
    assert "near misses" not in plain.out


def test_kinds_of_tests_that_cannot_be_explored_are_watched_too(suite, generous):
    suite.database = None
    suite.write(
        CACHE
        + """
import unittest
class Old(unittest.TestCase):
    def test_broken(self):
        cache = Cache()
        together(lambda: cache.get("a"), late(cache.get))
"""
    )
    suite.here("--racecheck-nearmiss").outcomes(passed=1)
    suite.here("--racecheck-nearmiss").outcomes(failed=1)


def test_a_failure_of_the_test_itself_stays_what_it_was(suite):
    suite.write(
        """
def test_fails():
    assert 1 == 2
def test_skips():
    pytest.skip("not here")
@pytest.mark.xfail(strict=True)
def test_is_known():
    assert False
"""
    )
    run = suite.here("--racecheck-nearmiss")
    run.outcomes(failed=1, skipped=1, xfailed=1)
    run.says("assert 1 == 2")


def test_declared_classes_come_from_the_ini_file(suite, generous):
    suite.database = None
    suite.configure(racecheck_nearmiss_unsafe="test_it:Till", pythonpath=".")
    suite.write(
        """
class Till:
    def put(self, amount): pass
def test_it():
    till = Till()
    def late():
        time.sleep(0.02)
        till.put(1)
    together(lambda: till.put(1), late)
"""
    )
    suite.here("--racecheck-nearmiss").outcomes(passed=1)
    suite.here("--racecheck-nearmiss").outcomes(failed=1)


def test_explored_tests_go_on_as_ever_beside_watched_ones(suite):
    suite.write(
        CACHE
        + FIXED
        + """
@quick
def test_racy():
    box = {"n": 0}
    def add(): box["n"] += 1
    together(add, add)
    assert box["n"] == 2
"""
        + FIXED.replace("test_fixed", "test_again")
    )
    run = suite.here("--racecheck-nearmiss")
    run.outcomes(passed=2, failed=1)
    plain = suite.here()
    assert run.findings["test_racy"]["schedule"] == plain.findings["test_racy"]["schedule"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"{MARK}(3)", "takes keywords only"),
        (f"{MARK}(rums=3)", "did you mean 'runs'?"),
        (f"{MARK}(runs=0)", "runs must be from 1 to 1000"),
        (f"{MARK}(unsafe=['x'])", "expected a class"),
        (f"{MARK}\n@pytest.mark.racecheck", "keep one, or write two tests"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_test_runs(suite, line, says):
    suite.write(f"{line}\ndef test_it(): pass\ndef test_other(): pass\n")
    run = suite.here()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.says(says, "test_it.py::test_it")


def test_a_wrong_declaration_in_the_ini_file_is_one_sentence(suite):
    suite.configure(racecheck_nearmiss_unsafe="Till")
    suite.write("def test_it(): pass\n")
    run = suite.here("--racecheck-nearmiss")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.says("racecheck_nearmiss_unsafe", "expected a class, or a text")


def test_a_marked_test_that_cannot_be_run_again_is_a_mistake(suite):
    suite.write(f"{MARK}\nasync def test_it(): pass\n")
    run = suite.here()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.says("an async test", "--racecheck-nearmiss can watch it")


def test_a_damaged_file_is_named_and_left(suite):
    suite.database = None
    suite.write(CACHE + BROKEN)
    suite.here("--racecheck-nearmiss")
    (file,) = suite.path.glob(".racecheck/nearmiss/*.json")
    file.write_text("{")
    run = suite.here("--racecheck-nearmiss")
    run.outcomes(passed=1)
    run.says(f"warning: {file}", "it is left as it is")
    assert file.read_text() == "{"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_workers_of_xdist_keep_each_its_tests(suite):
    suite.database = None
    for number in range(4):
        suite.write(CACHE + BROKEN, f"test_{number}.py")
    first = suite.apart("--racecheck-nearmiss", "-p", "xdist", "-n", "2")
    first.outcomes(passed=4)
    assert len(list(suite.path.glob(".racecheck/nearmiss/*.json"))) == 4


def test_the_plugin_loads_nothing_of_it_until_it_is_asked_for(suite):
    suite.write(
        """
def test_it():
    assert not [name for name in sys.modules if "nearmiss" in name]
"""
    )
    suite.apart().outcomes(passed=1)


assert pytest_racecheck.item_nearmiss
