"""Given orders are followed to the letter, and left with a sentence that says where."""

from __future__ import annotations

import threading

import pytest

from pytest_racecheck import explore
from pytest_racecheck.engine.schedule import Schedule, record
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from pytest_racecheck.engine.strategies.recorded import Follow, Replay, Scripted
from pytest_racecheck.engine.task import Task
from pytest_racecheck.errors import Divergence, UsageError
from strategy_programs import plain, run
from twins import Box, find, together


def tasks(count, label="work"):
    made = [Task(n, f"main/{n}", f"worker {n}", None) for n in range(count)]
    for task in made:
        task.pending = (label, None, None)
    return made


def recorded(*choices, label="work"):
    return record("random", [(choice, 2, label) for choice in choices])


def test_the_recorded_choices_are_made_again():
    walk = run([plain(20), plain(20)], next(RandomWalk(5).deciders()))
    schedule = record("random", [(index, 2, "begin") for index in walk.choices])
    again = run([plain(20), plain(20)], next(Replay(schedule).deciders()))
    assert again.order == walk.order


def test_there_is_one_execution():
    assert len(list(Replay(recorded(0)).deciders())) == 1
    assert len(list(Scripted(["main"]).deciders())) == 1


def test_a_task_that_cannot_move_is_named_with_the_choice():
    follow, (one, other, third) = Follow(recorded(0, 2, 1)), tasks(3)
    follow.pick([one, other], None, ())
    with pytest.raises(Divergence) as left:
        follow.pick([one, other], None, ())
    assert str(left.value) == (
        "choice 2: the schedule moves task 2, but only 0 (main/0), 1 (main/1) can"
    )
    assert third.index == 2


def test_another_operation_is_noticed_at_the_next_check():
    follow, (one, other) = Follow(recorded(*[0] * 40)), tasks(2)
    for _ in range(20):
        follow.pick([one, other], None, ())
    one.pending = ("something else", None, None)
    for _ in range(11):  # the digits cover sixteen choices each
        follow.pick([one, other], None, ())
    with pytest.raises(Divergence, match="choice 32: the last operations are not the recorded"):
        follow.pick([one, other], None, ())


def test_a_choice_too_many_is_noticed():
    follow, pair = Follow(recorded(0)), tasks(2)
    follow.pick(pair, None, ())
    assert follow.left_over() is None
    with pytest.raises(Divergence, match="has 1 choices, but the program asked for one more"):
        follow.pick(pair, None, ())


def test_choices_that_are_left_over_are_counted():
    follow = Follow(recorded(0, 1, 0))
    follow.pick(tasks(2), None, ())
    assert str(follow.left_over()) == "the program ended after 1 choices; the schedule has 2 more"


def test_a_late_time_out_is_replayed():
    follow, (able, late) = Follow(recorded(1)), tasks(2)
    assert follow.pick([able], None, [late]) is late


# ------------------------------------------------------------------------------- on real threads


def counter():
    box, lock = Box(), threading.Lock()

    def add():
        with lock:
            seen = box.value
        with lock:
            box.value = seen + 1

    one = threading.Thread(target=add, name="one")
    other = threading.Thread(target=add, name="other")
    one.start()
    other.start()
    one.join()
    other.join()
    assert box.value == 2


def scripted(*script):
    return find(counter, strategy="scripted", script=script)


def test_a_script_drives_the_threads_in_its_order():
    # Each begins, takes the lock, reads and gives it back, before either writes.
    assert scripted(*["one"] * 3, *["other"] * 3).verdict == "reproduced"
    passed = scripted(*["one"] * 5, "other")
    assert (passed.verdict, passed.failure) == ("inconclusive", None)
    assert "did not fail" in passed.reason


def test_a_script_understands_paths_as_well_as_names():
    assert scripted(*["main/0"] * 3, *["main/1"] * 3).verdict == "reproduced"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (["nobody"], "step 1 of the script is 'nobody'"),
        (["one", "one", "two"], "step 3 of the script is 'two'"),
        (["one"] * 40, "before step"),
    ],
)
def test_a_script_that_cannot_be_followed_says_where(script, said):
    finding = scripted(*script)
    assert (finding.verdict, finding.failure) == ("inconclusive", None)
    assert said in finding.reason, finding.reason


def test_the_schedule_of_a_script_replays():
    finding = scripted(*["one"] * 3, *["other"] * 3)
    assert Schedule.parse(finding.schedule).strategy == "scripted"
    again = find(counter, strategy="replay", schedule=finding.schedule)
    assert (again.verdict, again.failure.where) == ("reproduced", finding.failure.where)


def test_a_script_is_asked_for():
    for script in (None, [], ()):
        with pytest.raises(UsageError, match="needs script="):
            explore(lambda: together(int), strategy="scripted", script=script)
