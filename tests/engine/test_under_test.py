"""What is under test: the test's own file, the root, what is named, and nothing of others."""

from __future__ import annotations

import json
import os
import site
import sysconfig
import threading
from pathlib import Path

import pytest

import pytest_racecheck
from pytest_racecheck import explore
from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.under_test import UnderTest, gates_inserted
from pytest_racecheck.errors import UsageError
from twins import together

STDLIB = sysconfig.get_paths()["stdlib"]
PACKAGE = Path(pytest_racecheck.__file__).parent


@pytest.mark.parametrize(
    ("filename", "covered"),
    [
        ("/project/shop/cart.py", True),
        ("/project/tests/test_cart.py", True),
        ("/elsewhere/cart.py", False),
        ("/project-of-another/cart.py", False),
        ("/elsewhere/test_own.py", True),
        (threading.__file__, False),
        (os.path.join(site.getsitepackages()[0], "django", "db.py"), False),
        ("/project/.venv/lib/python3.12/site-packages/lib.py", False),
        (str(PACKAGE / "engine" / "task.py"), False),
        (str(PACKAGE / "scenarios" / "x" / "buggy.py"), True),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        (json.__file__, True),
        (os.path.join(STDLIB, "json", "decoder.py"), True),
        (os.path.join(STDLIB, "csv.py"), False),
    ],
)
def test_a_file_is_covered_or_not(filename, covered):
    under_test = UnderTest("/project", ["/elsewhere/test_own.py"], ["json"])
    assert under_test.covers(filename) == covered
    assert under_test.covers(filename) == covered, "also when it is asked again"


def test_a_single_module_can_be_named():
    under_test = UnderTest("/project", (), ["queue"])
    assert under_test.covers(os.path.join(STDLIB, "queue.py"))
    assert not under_test.covers(os.path.join(STDLIB, "heapq.py"))


@pytest.mark.parametrize("name", ["no_such_module_x", "no.such.module", "sys", "_thread", ""])
def test_a_name_that_is_no_source_is_refused(name):
    with pytest.raises(UsageError) as refused:
        UnderTest("/project", (), [name])
    assert "control=" in str(refused.value)
    assert "\n" not in str(refused.value)


COUNTER = """
class Counter:
    def __init__(self):
        self.value = 0
    def add(self):
        self.value += 1
"""


def test_a_library_is_interleaved_only_when_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "counter_of_a_library.py").write_text(COUNTER)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    (tmp_path / "project").mkdir()
    import counter_of_a_library  # type: ignore[import-not-found]

    def body():
        counter = counter_of_a_library.Counter()
        together(counter.add, counter.add)
        assert counter.value == 2

    root = str(tmp_path / "project")
    assert explore(body, root=root, strategy="bounded").verdict == "ruled out"
    named = explore(body, root=root, strategy="bounded", control=["counter_of_a_library"])
    assert named.verdict == "reproduced", named.report()


def test_a_body_that_is_a_bound_method_or_a_partial_brings_its_own_file(tmp_path, monkeypatch):
    (tmp_path / "bodies_elsewhere.py").write_text(
        "import functools, threading\n"
        + COUNTER
        + """
def race(threads):
    counter = Counter()
    started = [threading.Thread(target=counter.add) for _ in range(threads)]
    for one in started: one.start()
    for one in started: one.join()
    assert counter.value == threads

class Suite:
    def body(self):
        race(2)
    def __call__(self):
        race(2)

plain = functools.partial(race, 2)
twice = functools.partial(functools.partial(race), 2)
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    import bodies_elsewhere  # type: ignore[import-not-found]

    for body in (
        bodies_elsewhere.Suite().body,
        bodies_elsewhere.Suite(),
        bodies_elsewhere.plain,
        bodies_elsewhere.twice,
    ):
        finding = explore(body, root=str(tmp_path / "nothing_here"), strategy="bounded")
        assert finding.verdict == "reproduced", (body, finding.report())


def test_a_global_that_a_late_module_rebinds_has_points_in_the_early_one(tmp_path, monkeypatch):
    (tmp_path / "early_settings.py").write_text(
        "level = 0\ndef seen_twice():\n    return level == level\n"
    )
    (tmp_path / "late_user.py").write_text(
        "import early_settings\ndef change():\n    early_settings.level += 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import early_settings  # type: ignore[import-not-found]

    def alone():
        together(early_settings.seen_twice, int)

    root = str(tmp_path)
    assert explore(alone, root=root, executions=20).failure is None
    import late_user  # type: ignore[import-not-found]

    def both():
        same = []
        together(lambda: same.append(early_settings.seen_twice()), late_user.change)
        assert same == [True]

    finding = explore(both, root=root)
    assert finding.verdict == "reproduced", finding.report()


def test_equal_functions_of_two_files_keep_their_own_file_and_module(tmp_path, monkeypatch):
    text = "level = 0\ndef change():\n    global level\n    level += 1\n"
    for name in ("one_of_two", "other_of_two"):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    import one_of_two  # type: ignore[import-not-found]
    import other_of_two  # type: ignore[import-not-found]

    assert one_of_two.change.__code__ == other_of_two.change.__code__, "the file does not count"
    with gates_inserted(UnderTest(str(tmp_path))):
        for module in (one_of_two, other_of_two):
            code = module.change.__code__
            sites = [const for const in code.co_consts if isinstance(const, Site)]
            assert code.co_filename == module.__file__
            assert [site.scope is vars(module) for site in sites] == [True, True]


def test_what_calls_the_user_has_every_gate_when_it_is_under_test_itself():
    run = threading.Thread.run
    before = run.__code__

    def accesses():
        return [const.label for const in run.__code__.co_consts if isinstance(const, Site)]

    with gates_inserted(UnderTest("/nowhere")):
        assert run.__code__ is not before, "its calls have gates"
        assert accesses() == []
    with gates_inserted(UnderTest("/nowhere", (threading.__file__,))):
        assert "read _target" in accesses()
    with gates_inserted(UnderTest("/nowhere")):
        assert accesses() == []
    assert run.__code__ is before
