"""What names a place and what does not: a mistake is one sentence that says what to write."""

from __future__ import annotations

import threading

import pytest

import injected_programs as programs
from pytest_racecheck import barrier, delay, explore, fault, freeze, hold, kill, order
from pytest_racecheck.errors import Misplaced
from pytest_racecheck.faults import armed_count

HERE = "injected_programs"


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("no_such_module:f", "module 'no_such_module' cannot be imported"),
        (f"{HERE}:Till.stor", "did you mean 'store'?"),
        (f"{HERE}:plan", "did you mean 'plain'?"),
        (f"{HERE}:Till", "that is a class; name its method"),
        (f"{HERE}:Kinds.size", "that is a property"),
        (f"{HERE}:Kinds.number", "that is of type int, nothing to call"),
        (f"{HERE}:plain:during", "comes :before or :after, not :during"),
        (f"{HERE}:plain:after:after", "that names no place"),
        (f"{HERE}:", "that names no place"),
        (":plain", "that names no place"),
        ("", "expected a text"),
        (7, "expected a text"),
    ],
)
def test_a_place_that_is_none_is_one_sentence(where, said):
    with pytest.raises(Misplaced) as caught:
        delay(where, 1)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert armed_count() == 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: delay("p", -1), "ms=-1"),
        (lambda: delay("p", (3, 1)), "the smaller first"),
        (lambda: delay("p", "1"), "expected milliseconds"),
        (lambda: delay("p", float("nan")), "expected milliseconds"),
        (lambda: delay("p", 1, time=2), "there is no option 'time'"),
        (lambda: delay("p", 1, chance=0), "chance=0"),
        (lambda: delay("p", 1, times=-2), "times=-2"),
        (lambda: fault("p", "lose"), "expected an exception to raise, or one of 'drop'"),
        (lambda: fault("p", "drop"), "a probe has no call to drop"),
        (lambda: fault(f"{HERE}:plain:after", "reorder"), "cannot be :after"),
        (lambda: barrier("p", 1), "n=1"),
        (lambda: barrier("p", 2, within_s=0), "within_s=0"),
        (lambda: order(["p"]), "two places or more"),
        (lambda: order("pq"), "two places or more"),
        (lambda: order(["p", f"{HERE}:nothing"]), "has no 'nothing'"),
        (lambda: hold("p", within_s=None), "within_s=None"),
        (lambda: freeze(1), "expected a pid above 1"),
        (lambda: freeze("me"), "expected a pid above 1"),
        (lambda: kill(2**22 + 1), "there is none of this number"),
        (lambda: freeze(5, where="p"), "say for how long"),
        (lambda: freeze(5, -1), "s=-1"),
    ],
)
def test_an_argument_that_makes_no_sense_is_one_sentence(make, said):
    with pytest.raises(Misplaced) as caught:
        make()
    assert said in str(caught.value)
    assert armed_count() == 0


def test_this_process_is_not_frozen():
    import os

    with pytest.raises(Misplaced, match="this process itself"):
        freeze(os.getpid())


def test_a_wrong_place_stops_the_search_at_once():
    calls = []

    def body():
        calls.append(1)
        thread = threading.Thread(target=programs.plain, args=(1,))
        thread.start()
        with delay(f"{HERE}:nothing", 1):
            thread.join()

    with pytest.raises(Misplaced, match="has no 'nothing'"):
        explore(body, executions=50)
    assert len(calls) == 1
