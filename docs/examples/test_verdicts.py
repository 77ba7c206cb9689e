"""Every quotation in `docs/reference/verdicts.md` is what the tool says of the program here."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pytest_racecheck import explore

PAGE = Path(__file__).parents[1] / "reference" / "verdicts.md"
QUOTED = re.findall(r"^> (.+)$", PAGE.read_text(), re.MULTILINE)
_NUMBER = re.compile(r"\d+(\.\d+)?(e-\d+)?")


def together(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def racy() -> None:
    numbers = {"n": 0}

    def add() -> None:
        numbers["n"] += 1

    together(add, add)
    assert numbers["n"] == 2


def guarded() -> None:
    numbers, lock = {"n": 0}, threading.Lock()

    def add() -> None:
        with lock:
            numbers["n"] += 1

    together(add, add)
    assert numbers["n"] == 2


def sleeping() -> None:
    together(lambda: time.sleep(0.1), lambda: time.sleep(0.2))


@cache
def said() -> str:
    """What the reports of a few searches say, with every number replaced."""
    found = [
        explore(racy),
        explore(guarded),
        explore(guarded, preemptions=1, strategy="bounded"),
        explore(guarded, strategy="pct", depth=2, executions=60),
        explore(sleeping, strategy="pct", executions=60),
        explore(guarded, strategy="random", executions=60, positive_control=racy),
        explore(guarded, strategy="random", executions=60, positive_control=guarded),
    ]
    return without_numbers("\n".join(f"{one.report()}\n{one.reason}" for one in found))


def without_numbers(text: str) -> str:
    plain = _NUMBER.sub("#", " ".join(text.split()))
    return re.sub(r"\b(execution|preemption)s\b", r"\1", plain)


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quotation_is_what_the_tool_says(quoted: str) -> None:
    assert without_numbers(quoted) in said()


def test_each_kind_of_verdict_is_quoted() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    assert len(QUOTED) >= 8
    assert {heading.split(",")[0] for heading in headings} >= {
        "reproduced",
        "ruled out",
        "inconclusive",
    }


def test_the_keys_in_json_are_those_that_are_listed() -> None:
    table = PAGE.read_text().split("## In JSON")[1]
    data = explore(guarded, strategy="pct", executions=40, positive_control=racy).as_json()
    for key in ("drawn", "miss_bound", "miss_bound_for", "unseen", "power", "worth"):
        assert f"| `{key}` |" in table
    for part in (
        data["miss_bound_for"],
        data["unseen"][0] if data["unseen"] else {},
        data["power"],
    ):
        for key in part:
            assert f"`{key}`" in table, key
