"""What a failure came from: who wrote what was read, and nobody whose writing was written over."""

from __future__ import annotations

from minimise_programs import torn
from pytest_racecheck.diagnosis import minimise as minimising
from pytest_racecheck.diagnosis.causal_past import Event, causal_courses
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.diagnosis.turns import Turn
from pytest_racecheck.engine.explore import search
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy

X, Y, LOCK, TABLE = 1, 2, 3, 4
FAILED = 9


def made(*moves):
    """Events of (task, object, part, kind); each task's operations are counted from 1."""
    counts, events = {}, []
    for task, number, part, kind in moves:
        counts[task] = counts.get(task, 0) + 1
        events.append(Event(task, counts[task], [(number, part, kind)]))
    return events


def courses(*moves, failed=(FAILED,)):
    return [course.turns for course in causal_courses(made(*moves), failed, ())]


def tasks_kept(*moves):
    return {turn.task for turn in courses(*moves)[0]}


def test_only_the_last_writer_before_a_read_is_kept():
    kept = tasks_kept(
        (1, X, "", "write"), (2, X, "", "write"), (FAILED, X, "", "read"), (3, X, "", "write")
    )
    assert kept == {2, FAILED}


def test_what_the_writer_had_read_is_followed_too():
    kept = tasks_kept(
        (1, Y, "", "write"), (2, Y, "", "read"), (2, X, "", "write"), (FAILED, X, "", "read")
    )
    assert kept == {1, 2, FAILED}


def test_a_writer_is_stopped_behind_what_was_read_of_it():
    (first, *_) = courses(
        (1, X, "", "write"), (FAILED, X, "", "read"), (FAILED, Y, "", "read"), (1, Y, "", "write")
    )
    assert first == (Turn(1, 2), Turn(FAILED))


def test_who_only_held_the_lock_before_is_left_out():
    kept = tasks_kept(
        *((1, LOCK, "", kind) for kind in ("acquire", "release")),
        *((FAILED, LOCK, "", kind) for kind in ("acquire", "release")),
    )
    assert kept == {FAILED}


def test_who_is_needed_anyhow_gives_the_lock_back():
    (first, *_) = courses(
        (1, LOCK, "", "acquire"),
        (1, X, "", "write"),
        (1, LOCK, "", "release"),
        (1, Y, "", "write"),
        (FAILED, LOCK, "", "acquire"),
        (FAILED, X, "", "read"),
    )
    assert first == (Turn(1, 4), Turn(FAILED))


def test_a_lock_that_another_one_gives_back_is_a_signal():
    kept = tasks_kept(
        (FAILED, LOCK, "", "acquire"), (1, LOCK, "", "release"), (FAILED, LOCK, "", "acquire")
    )
    assert kept == {1, FAILED}


def test_parts_of_a_container_are_told_apart_unless_all_of_it_is_read():
    writes = [(n, TABLE, ("item", n), "write") for n in (1, 2, 3)]
    assert tasks_kept(*writes, (FAILED, TABLE, ("item", 2), "read")) == {2, FAILED}
    assert tasks_kept(*writes, (FAILED, TABLE, None, "read")) == {1, 2, 3, FAILED}


def test_switches_that_no_dependence_asks_for_are_gone():
    (last, first, before) = courses(
        (1, Y, "a", "read"),
        (FAILED, Y, "b", "read"),
        (1, X, "", "write"),
        (FAILED, X, "", "read"),
    )
    assert last == (Turn(1), Turn(FAILED))
    assert first == (Turn(FAILED, 2), Turn(1), Turn(FAILED))
    assert before == (Turn(1, 2), Turn(FAILED, 2), Turn(1), Turn(FAILED))


def test_what_depends_on_each_other_keeps_its_order():
    (last, *_) = courses(
        (FAILED, X, "", "read"), (1, X, "", "write"), (FAILED, X, "", "read"), failed=(FAILED,)
    )
    assert last == (Turn(FAILED, 2), Turn(1), Turn(FAILED))


def test_a_failure_among_twenty_threads_needs_a_few_replays(monkeypatch):
    for limit in ("MAX_GREEDY", "MAX_REPLAYS"):
        monkeypatch.setattr(minimising, limit, 10)
    with controlled_runner(many, Plan(), None) as runner:
        surw = make_strategy("surw", StrategyOptions())
        found = search(runner, surw, executions=5000, seconds=60)
        simple = minimising.minimise(runner, found.schedule, found.failed.failures[0], 60)
    assert simple.found_with > 10
    assert (simple.preemptions, simple.replays) == (1, 10)
    assert len(simple.course.turns) <= 4, "the others come by themselves"


def many():
    torn(20)
