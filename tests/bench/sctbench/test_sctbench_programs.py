"""Every program fails as it should in some schedule, and its fixed twin in none that was tried."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from tests.bench.sctbench.counting import ControlLostError, every_schedule, plan_of, trials
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.published import CLASSES, PUBLISHED, schedules
from tests.bench.sctbench.variants import hunters, options_of

from pytest_racecheck.diagnosis.control import controlled_runner


class Given:
    """Decides by a list of segments: so many operations of each thread in turn, "2x3.0x21"."""

    def __init__(self, text):
        pairs = [segment.split("x") for segment in text.split(".")]
        self.left = [[int(thread) + 1, int(steps)] for thread, steps in pairs]

    def pick(self, enabled, current, late):
        wanted = self.left[0][0] if self.left else None
        return next((task for task in enabled if task.index == wanted), current or enabled[0])

    def operation(self, task):
        if self.left and task.index == self.left[0][0]:
            self.left[0][1] -= 1
            self.left = self.left if self.left[0][1] else self.left[1:]


#: Found in more schedules than a quick test has: here by an order that is given.
BY_HAND = {
    "reorder_50": "0x2.49x4",
    "reorder_100": "0x2.99x4",
    "twostage_20": "0x4.19x8",
    "twostage_50": "0x4.49x8",
    "twostage_100": "0x4.99x8",
    # Seven preemptions: the fewest, says a search through all states of a model of it.
    "safestack": "2x3.0x21.1x21.2x4.0x15.2x38.0x14.2x12.1x42.0x1",
}
SEARCHED = [name for name in PROGRAMS if name not in BY_HAND]
#: Those that pass in every schedule, which a short search can show.
EXHAUSTIBLE = ["check_then_act", "closed_between", "list_underflow"]


def found(name, label, cap=1000):
    program = PROGRAMS[name]
    plan = plan_of(program.broken, **options_of(label), seed=1)
    [trial] = trials(program.broken, [plan], program.kinds, cap=cap, seconds=inf)
    return trial.found


def assert_never_fails(name, label, cap):
    """No failure of any kind in so many schedules of the fixed twin."""
    body = PROGRAMS[name].fixed
    plan = plan_of(body, **options_of(label), seed=2)
    [trial] = trials(body, [plan], (), cap=cap, seconds=inf)
    assert not trial.found
    # The portfolio ends when its systematic member has seen everything.
    assert trial.schedules == cap or (label == "portfolio" and trial.schedules > 0)


@pytest.mark.parametrize("name", SEARCHED)
def test_a_broken_program_is_found_by_some_strategy(name):
    assert any(found(name, label) for label in hunters())


@pytest.mark.parametrize("name", BY_HAND)
def test_a_rare_failure_is_there_when_the_order_is_given(name):
    program, given = PROGRAMS[name], Given(BY_HAND[name])
    with controlled_runner(program.broken, plan_of(program.broken, "random")) as runner:
        execution = runner.execute(given)
    assert given.left == []
    assert [failure.kind for failure in execution.failures] == list(program.kinds)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reorder_100", "twostage_100"])
def test_the_default_finds_what_lies_between_two_of_a_hundred_threads(name):
    program = PROGRAMS[name]
    plans = [plan_of(program.broken, "portfolio", seed=seed) for seed in range(10)]
    made = trials(program.broken, plans, program.kinds, cap=1000, seconds=inf)
    assert all(trial.found for trial in made)
    assert sum(trial.schedules for trial in made) <= 100 * len(made)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_fixed_twin_does_not_fail(name):
    schedules = 30 if PROGRAMS[name].threads > 20 else 300
    for label in hunters():
        assert_never_fails(name, label, -(-schedules // len(hunters())))


@pytest.mark.slow
@pytest.mark.parametrize("label", hunters())
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_fixed_twin_does_not_fail_in_ten_thousand_schedules_of_all_strategies(name, label):
    assert_never_fails(name, label, -(-10_000 // len(hunters())))


@pytest.mark.parametrize("name", EXHAUSTIBLE)
def test_a_small_fixed_twin_passes_in_every_schedule(name):
    body = PROGRAMS[name].fixed
    whole = every_schedule(body, plan_of(body, "exhaustive"), (), seconds=inf)
    assert whole.complete
    assert whole.failed == 0


#: Where the words fix what an event is; sync02, arithmetic_prog, dining_5 and work_stealing differ.
COUNTED = [
    name
    for name, number in CLASSES.items()
    if number <= 500 and name not in ("sync02", "arithmetic_prog", "dining_5")
]


@pytest.mark.parametrize("name", COUNTED)
def test_there_are_as_many_classes_as_published(name):
    program = PROGRAMS[name]
    plan = plan_of(program.broken, "exhaustive")
    whole = every_schedule(program.broken, plan, program.kinds, seconds=inf)
    assert whole.complete
    assert whole.executions == CLASSES[name]
    assert whole.redundant <= CLASSES[name] // 20


def test_a_search_goes_on_after_failures_to_count_every_schedule():
    program = PROGRAMS["list_underflow"]
    plan = plan_of(program.broken, "exhaustive")
    whole = every_schedule(program.broken, plan, program.kinds, seconds=inf)
    assert whole.complete
    assert 0 < whole.failed < whole.executions


def test_a_failure_of_another_kind_is_not_counted_as_the_bug():
    program = PROGRAMS["deadlock01"]
    plan = plan_of(program.broken, "random")
    with pytest.raises(ControlLostError, match=r"deadlock at deadlocks\.py"):
        trials(program.broken, [plan], ("assertion",), cap=1000, seconds=inf)


def test_trials_end_at_the_cap_and_at_the_end_of_the_time():
    body = PROGRAMS["deadlock01"].fixed
    plans = [plan_of(body, "random", seed=seed) for seed in range(3)]
    capped = trials(body, plans, (), cap=7, seconds=inf)
    assert [(trial.schedules, trial.found) for trial in capped] == [(7, False)] * 3
    cut_off = trials(body, plans, (), cap=10**9, seconds=0.05)
    assert len(cut_off) == 1
    assert not cut_off[0].found


def test_the_count_belongs_to_the_seed_alone():
    program = PROGRAMS["dining_5"]
    plans = [plan_of(program.broken, "random", seed=seed) for seed in (3, 4, 3)]
    made = trials(program.broken, plans, program.kinds, cap=1000, seconds=inf)
    assert made[0].schedules == made[2].schedules
    assert made[0] != made[1]
    alone = trials(program.broken, plans[1:2], program.kinds, cap=1000, seconds=inf)
    assert replace(alone[0], seconds=0) == replace(made[1], seconds=0)


def test_what_was_published_is_of_programs_that_are_here():
    assert set(PUBLISHED) <= set(PROGRAMS)
    assert set(CLASSES) <= set(PROGRAMS)
    assert schedules("reorder_3", "RW") == float("inf")
    assert schedules("reorder_10", "PCT3") == 3225
    assert schedules("dining_3", "SURW") is None


@pytest.mark.slow
def test_the_number_of_threads_in_the_table_is_the_number_there_is():
    for program in PROGRAMS.values():
        plan = plan_of(program.broken, "random")
        with controlled_runner(program.broken, plan) as runner:
            execution = runner.execute(next(plan.make_strategy().deciders()))
        assert len(execution.tasks) == program.threads, program.name


def test_the_programs_are_plain_code_which_knows_no_tool():
    allowed = {"__future__", "collections.abc", "contextlib", "functools", "threading", "time"}
    allowed.add("tests.bench.sctbench.together")
    for program in PROGRAMS.values():
        source = Path(program.program.__code__.co_filename).read_text().splitlines()
        imported = {line.split()[1] for line in source if line.startswith(("import ", "from "))}
        assert "threading" in imported
        assert imported <= allowed
