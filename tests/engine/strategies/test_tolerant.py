"""A recording is followed after the code has changed, and the finding says how far."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pytest_racecheck import Finding, explore, replay
from pytest_racecheck.engine.recording import Landmark, Move, Recording
from pytest_racecheck.engine.strategies.around import SHIFT, neighbours


class Counter:
    def __init__(self, how: str) -> None:
        self.value = 0
        self.lock = threading.Lock()
        self.how = how
        self.log: list[str] = []


def add(counter: Counter) -> None:
    """One function that behaves as several revisions of it would."""
    if counter.how == "locked":
        with counter.lock:
            counter.value += 1
        return
    if counter.how == "logs":
        counter.log.append("before")
    counter.value += 1
    if counter.how == "twice":
        counter.value += 1


def atomic(counter: Counter) -> None:
    """Another implementation altogether."""
    counter.log.append("one")


def body_of(how: str) -> Callable[[], None]:
    def body() -> None:
        counter = Counter(how)
        work = atomic if how == "atomic" else add
        threads = [threading.Thread(target=work, args=(counter,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter.value == {"twice": 4, "atomic": 0}.get(how, 2)

    return body


@pytest.fixture(scope="module")
def recording() -> Recording:
    found = explore(body_of("plain"), record=True, strategy="random")
    assert found.recording is not None
    return found.recording


def tolerant(how: str, recording: Recording, **more: object) -> Finding:
    plan = {"mode": "tolerant", "recording": recording, **more}
    return replay(body_of(how), recording.schedule, **plan)


def test_an_unchanged_program_is_followed_to_the_end(recording):
    again = tolerant("plain", recording)
    assert again.verdict == "reproduced"
    assert again.left_schedule is None
    assert again.matched == (len(recording.moves),) * 2


@pytest.mark.parametrize("how", ["logs", "twice"])
def test_what_is_new_is_done_on_the_way_and_the_race_is_still_found(how, recording):
    exactly = replay(body_of(how), recording.schedule)
    again = tolerant(how, recording)
    assert exactly.verdict == "inconclusive", "what the tolerant one is for"
    assert again.verdict == "reproduced"
    assert again.left_schedule is not None
    assert again.replays == (3, 3), "the schedule it went is exact again"


def test_a_lock_keeps_tasks_from_their_turns_and_the_race_is_gone(recording):
    again = tolerant("locked", recording)
    assert again.verdict == "inconclusive"
    assert again.failure is None
    assert "is about to read lock in add, not to" in again.left_schedule


def test_what_vanished_is_counted_as_not_matched(recording):
    again = tolerant("atomic", recording)
    assert again.failure is None
    assert again.matched[0] < again.matched[1]
    assert again.left_schedule is not None


def test_a_text_alone_is_followed_by_task(recording):
    again = replay(body_of("plain"), recording.schedule, mode="tolerant")
    assert again.verdict == "reproduced"
    assert again.left_schedule is None


def test_a_recording_of_something_else_matches_nothing():
    mark = Landmark("read nothing", "nowhere")
    foreign = Recording("rc1:random:1:aa", (Move("main/7", mark), Move("main/8", mark)))
    again = tolerant("plain", foreign)
    assert again.matched == (0, 2)
    assert again.left_schedule.startswith("choice 1 of 2:")


# -------------------------------------------------------------------------------- search around it


def test_around_a_race_that_only_moved_it_is_found_again(recording):
    assert tolerant("logs", recording, mode="around").verdict == "reproduced"


def test_around_a_fixed_race_every_schedule_with_so_many_preemptions_passes(recording):
    for bound in (0, 1, 2):
        found = tolerant("locked", recording, mode="around", preemptions=bound, executions=5000)
        assert found.verdict == "ruled out"
        assert found.grade == "bounded"
        assert found.preemptions == bound
        assert found.matched[1] == len(recording.moves)


def test_around_it_a_small_budget_is_no_proof(recording):
    found = tolerant("locked", recording, mode="around", executions=5)
    assert (found.verdict, found.grade) == ("inconclusive", "statistical")


def test_neighbours_move_one_switch_and_keep_the_order_within_each_task():
    moves = tuple(Move(task, Landmark(str(n))) for n, task in enumerate("aaabbbaab"))
    made = list(neighbours(moves))
    assert len(set(made)) == len(made)
    assert moves not in made
    for one in made:
        assert sorted(one, key=str) == sorted(moves, key=str)
        for task in "ab":
            assert [m for m in one if m.task == task] == [m for m in moves if m.task == task]
    assert len(made) <= 2 * SHIFT * 3
    told = {"".join(move.task for move in one) for one in made}
    assert "aabbbaaab" in told
    assert "aaaabbbab" in told


# ------------------------------------------------------------------------------ follow, then search


def test_behind_a_prefix_the_other_strategy_searches(recording):
    whole = len(Recording.of_text(recording.schedule).moves)
    plan = {"mode": "prefix", "executions": 300}
    found = replay(body_of("plain"), recording.schedule, upto=2, **plan)
    assert found.verdict == "reproduced"
    safe = replay(
        body_of("locked"),
        recording.schedule,
        mode="prefix",
        upto=4,
        then="bounded",
        executions=5000,
    )
    assert safe.failure is None
    assert safe.reason.startswith(f"no failure in all {safe.executions} schedules that begin")
    assert safe.executions > 10
    assert safe.verdict == "inconclusive", "a part of the schedules is no proof"
    left = replay(body_of("locked"), recording.schedule, mode="prefix", upto=whole)
    assert left.left_schedule is not None
