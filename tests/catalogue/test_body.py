"""A search of a scenario that diverged once is made anew, all of it, and the record says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue.body import explore_variant

WORKLOAD = """
import threading

runs = []

def run(system, *, threads, messages):
    runs.append(1)
    more = 1 if len(runs) in system.ODD else 0
    started = [threading.Thread(target=len, args=("",)) for _ in range(threads + more)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
"""


def search(folder: Path, odd: str) -> dict[str, Any]:
    (folder / "workload.py").write_text(WORKLOAD)
    (folder / "fixed.py").write_text(f"ODD = {odd}\n")
    workload = {
        "folder": str(folder),
        "stem": "fixed",
        "transport": None,
        "threads": 2,
        "messages": 1,
    }
    bounds = {"strategy": "bounded", "preemptions": 1, "points": "sync"}
    show = {"width": 80, "command": []}
    finding: dict[str, Any] = explore_variant(workload, bounds, show, 0)["finding"]
    return finding


def test_a_search_that_diverges_once_is_made_again_and_the_reason_says_so(tmp_path: Path) -> None:
    # The first search of a process imports modules, and has an execution more for that.
    (tmp_path / "warm").mkdir()
    search(tmp_path / "warm", "()")
    finding = search(tmp_path, "(3,)")
    assert finding["verdict"] == "ruled out"
    assert "second search" in finding["reason"]
    assert "did not give the same execution twice" in finding["reason"]


def test_a_search_that_diverges_again_proves_nothing(tmp_path: Path) -> None:
    finding = search(tmp_path, "range(3, 100, 2)")
    assert finding["verdict"] == "inconclusive"


def test_a_search_that_does_not_diverge_is_not_made_again(tmp_path: Path) -> None:
    finding = search(tmp_path, "()")
    assert finding["verdict"] == "ruled out"
    assert "second search" not in finding["reason"]


TWO_ADD = """
import threading

def run(system, *, threads, messages):
    numbers = {"n": 0}
    def add():
        with system.make_lock():
            before = numbers["n"]
            numbers["n"] = before + 1
    started = [threading.Thread(target=add) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert numbers["n"] == threads
"""
ONE_LOCK = "import threading\nlock = threading.Lock()\ndef make_lock(): return lock\n"
NO_LOCK = "import contextlib\nmake_lock = contextlib.nullcontext\n"


def test_the_twin_of_a_statistical_pass_is_searched_with_the_same_workload(tmp_path: Path) -> None:
    for name, text in (("workload", TWO_ADD), ("fixed", ONE_LOCK), ("buggy", NO_LOCK)):
        (tmp_path / f"{name}.py").write_text(text)
    workload = {
        "folder": str(tmp_path),
        "stem": "fixed",
        "transport": None,
        "threads": 2,
        "messages": 1,
    }
    modules = [f"scenario_{tmp_path.name}_{name}" for name in ("workload", "fixed", "buggy")]
    bounds = {"strategy": "random", "executions": 30, "control": modules}
    show = {"width": 80, "command": []}
    finding = explore_variant(workload, bounds, show, 0, twin="buggy")["finding"]
    assert finding["grade"] == "statistical"
    assert "had the bug been as easy to meet as in buggy, 30 passes" in finding["reason"]
    assert finding["power"]["failures"] > 0
