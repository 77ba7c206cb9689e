"""What decides besides the schedule is noticed and named; the same asked harmlessly is not."""

from __future__ import annotations

import functools
import threading

import pytest

from chance_programs import KINDS, Kind
from pytest_racecheck import Finding, explore, replay
from pytest_racecheck.diagnosis.module_state import changed, state_of
from pytest_racecheck.diagnosis.witness import Witness

EACH = pytest.mark.parametrize("name", KINDS)
#: The quick suite takes the one that runs least; the slow one both.
STRATEGIES = (pytest.param("random", marks=pytest.mark.slow), "exhaustive")


def found(kind: Kind, which: str, strategy: str) -> Finding:
    with kind.beside():
        return explore(getattr(kind, which), strategy=strategy, executions=60, seconds=30)


def is_clean(finding: Finding) -> bool:
    """Whether a reader would take the verdict for one about the schedules alone."""
    sampled = finding.verdict == "inconclusive" and finding.grade == "statistical"
    proved = finding.verdict in ("reproduced", "ruled out")
    return (sampled or proved) and not finding.suspects and not finding.warnings


@pytest.mark.parametrize("strategy", STRATEGIES)
@EACH
def test_what_decides_besides_the_schedule_is_noticed(name, strategy):
    finding = found(KINDS[name], "guilty", strategy)
    assert not is_clean(finding), finding.report()


@EACH
def test_it_is_named(name):
    finding = found(KINDS[name], "guilty", "random")
    assert finding.suspects, finding.report()
    assert any(KINDS[name].named in text for text in finding.suspects), finding.suspects
    said = " ".join(finding.report().split())
    assert KINDS[name].named in said, "a reader sees it too"


@pytest.mark.parametrize("strategy", STRATEGIES)
@EACH
def test_the_same_asked_harmlessly_is_not_suspected(name, strategy):
    finding = found(KINDS[name], "harmless", strategy)
    assert finding.suspects == ()
    assert is_clean(finding), finding.report()


# -------------------------------------------------------------------- failures, not only passes


def failing(kind: Kind, which: str):
    """The body of ``kind``, with a failure that the schedule decides as well."""

    def body() -> None:
        count = {"value": 0}

        def add() -> None:
            count["value"] += 1

        threads = [threading.Thread(target=add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        getattr(kind, which)()
        assert count["value"] == 2

    return body


#: Only the very first execution is another one; a failure of the others is one of the schedule.
COLD = ("lru_cache", "cached property")


@pytest.mark.parametrize("name", sorted(set(KINDS) - set(COLD)))
def test_a_failure_is_not_called_reproduced_when_something_else_decides(name):
    kind = KINDS[name]
    with kind.beside():
        finding = explore(failing(kind, "guilty"), strategy="exhaustive", executions=300)
    assert not is_clean(finding), finding.report()


@pytest.mark.slow
@EACH
def test_a_failure_beside_something_harmless_is_reproduced(name):
    kind = KINDS[name]
    with kind.beside():
        body = failing(kind, "harmless")
        finding = explore(body, strategy="exhaustive", executions=300)
        assert finding.verdict == "reproduced", finding.report()
        assert finding.suspects == ()
        assert replay(body, finding.schedule).verdict == "reproduced"


# ------------------------------------------------------------------------------------- the witness


def test_a_witness_sees_what_a_thread_asks_and_takes_its_leave():
    import random
    import sys

    witness = Witness()
    witness.call(lambda: random.random())
    assert list(witness.seen) == ["random draws"]
    assert witness.seen["random draws"].startswith("test_nondeterminism.py:")
    assert sys.getprofile() is None
    assert threading.getprofile() is None


def test_a_profiler_that_is_there_already_is_left_alone():
    import sys

    seen = []
    sys.setprofile(lambda *_: seen.append(1))
    mine = sys.getprofile()
    try:
        Witness().call(lambda: None)
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)


def test_state_is_compared_by_name_and_without_addresses():
    class Made:
        def __init__(self, n: int) -> None:
            self.n = n

    cached = functools.lru_cache(lambda n: n)
    before = state_of({"m": {"a": [1], "b": Made(1), "c": object(), "d": cached, "e": {1, 2}}})
    same = state_of({"m": {"a": [1], "b": Made(1), "c": object(), "d": cached, "e": {2, 1}}})
    assert changed(before, same) == []
    cached(1)
    after = state_of({"m": {"a": [1, 2], "b": Made(2), "c": object(), "d": cached, "e": {1}}})
    assert changed(before, after) == ["m.a", "m.b", "m.d", "m.e"]
