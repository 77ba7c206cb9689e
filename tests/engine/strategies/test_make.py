"""A strategy is made from its name and only from options that it understands."""

from __future__ import annotations

import pytest

from pytest_racecheck.engine.strategies.make import (
    STRATEGY_NAMES,
    StrategyOptions,
    make_strategy,
)
from pytest_racecheck.errors import UsageError

COMPLETE = {
    "scripted": StrategyOptions(script=["main"]),
    "replay": StrategyOptions(schedule="rc1:random::"),
}


@pytest.mark.parametrize("name", STRATEGY_NAMES)
def test_every_name_makes_a_strategy_of_that_name(name):
    strategy = make_strategy(name, COMPLETE.get(name, StrategyOptions()))
    assert strategy.name == name
    assert strategy.grade is None
    assert next(strategy.deciders()) is not None


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("exhuastive", StrategyOptions(), "did you mean 'exhaustive'"),
        ("", StrategyOptions(), "unknown strategy ''"),
        ("PCT", StrategyOptions(), "unknown strategy 'PCT'"),
        (None, StrategyOptions(), "unknown strategy None"),
        (3, StrategyOptions(), "unknown strategy 3"),
        ("random", StrategyOptions(depth=3), "'random' ignores depth; it belongs to 'pct'"),
        ("pct", StrategyOptions(preemptions=1), "ignores preemptions; it belongs to 'bounded'"),
        ("exhaustive", StrategyOptions(preemptions=1), "belongs to 'bounded'"),
        ("portfolio", StrategyOptions(schedule="rc1:x::"), "belongs to 'replay'"),
        ("random", StrategyOptions(script=["a"]), "belongs to 'scripted'"),
        (
            "bounded",
            StrategyOptions(preemptions=-1),
            "preemptions must be a whole number of at least 0",
        ),
        ("pct", StrategyOptions(depth=-1), "depth must be a whole number of at least 1"),
        ("pct", StrategyOptions(depth=0), "depth must be"),
        ("bounded", StrategyOptions(preemptions="2"), "preemptions must be"),
        ("bounded", StrategyOptions(preemptions=1.5), "preemptions must be"),
        ("bounded", StrategyOptions(preemptions=True), "preemptions must be"),
        ("pct", StrategyOptions(depth="deep"), "depth must be"),
        ("scripted", StrategyOptions(), "needs script="),
        ("scripted", StrategyOptions(script=[]), "needs script="),
        ("scripted", StrategyOptions(script="main"), "script must be a list of names"),
        ("scripted", StrategyOptions(script=[1, 2]), "script must be a list of names"),
        ("replay", StrategyOptions(), "needs schedule="),
        ("replay", StrategyOptions(schedule=""), "is not a replay text"),
        ("replay", StrategyOptions(schedule=17), "a replay text was expected, got int"),
        ("random", StrategyOptions(seed=None), "seed must be"),
        ("random", StrategyOptions(seed="x"), "seed must be"),
        ("pct", StrategyOptions(seed=1.5), "seed must be"),
    ],
)
def test_a_mistake_is_one_sentence(name, options, said):
    with pytest.raises(UsageError) as refused:
        make_strategy(name, options)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "loose"}, "mode='loose': expected one of exact, tolerant, prefix, around"),
        ({"mode": "prefix"}, "needs upto, how many of the 1 choices"),
        ({"mode": "prefix", "upto": 2}, "needs upto"),
        ({"mode": "prefix", "upto": 1, "then": "replay"}, "follows one order"),
        ({"mode": "prefix", "upto": 1, "then": "nonsense"}, "unknown strategy"),
        ({"mode": "tolerant", "upto": 1}, "ignores upto"),
        ({"then": "random"}, "ignores then"),
        ({"mode": "tolerant", "preemptions": 1}, "ignores preemptions"),
    ],
    ids=str,
)
def test_a_mode_of_replay_that_makes_no_sense_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        make_strategy("replay", StrategyOptions(schedule="rc1:random:1:aa", **options))


def test_a_search_has_no_mode():
    with pytest.raises(UsageError, match="ignores mode; it belongs to 'replay'"):
        make_strategy("random", StrategyOptions(mode="exact"))
