"""What may be said about a body, and when: every verdict with its reason, every mistake refused."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count

import pytest

from pytest_racecheck import explore, replay
from pytest_racecheck.errors import UsageError
from twins import Box, adder, crosswise, find, together


def race(broken: bool) -> None:
    """Two threads add to one counter."""
    box, add = adder(broken)
    together(add, add)
    assert box.value == 2


broken, sound = partial(race, True), partial(race, False)


# ---------------------------------------------------------------------------- verdicts and grades


@pytest.mark.parametrize(
    ("body", "plan", "verdict", "grade", "said"),
    [
        (broken, {}, "reproduced", None, "3 of 3 replays end in the same failure"),
        (broken, {"strategy": "random"}, "reproduced", None, "3 of 3"),
        (broken, {"strategy": "pct"}, "reproduced", None, "3 of 3"),
        (broken, {"strategy": "bounded"}, "reproduced", None, "3 of 3"),
        (broken, {"strategy": "portfolio"}, "reproduced", None, "3 of 3"),
        (broken, {"replays": 7}, "reproduced", None, "7 of 7"),
        (sound, {}, "ruled out", "exhausted", "every schedule of 3 tasks (2 executions) passes"),
        (sound, {"strategy": "portfolio"}, "ruled out", "exhausted", "every schedule"),
        (
            sound,
            {"strategy": "bounded", "preemptions": 1},
            "ruled out",
            "bounded",
            "every schedule with at most 1 preemption of 3 tasks",
        ),
        (sound, {"strategy": "bounded", "preemptions": 99}, "ruled out", "exhausted", "every"),
        (sound, {"executions": 1}, "inconclusive", "statistical", "not a proof"),
        (sound, {"strategy": "random", "executions": 5}, "inconclusive", "statistical", "no power"),
        (sound, {"strategy": "pct", "executions": 5}, "inconclusive", "statistical", "no power"),
        (
            broken,
            {"strategy": "bounded", "preemptions": 0},
            "ruled out",
            "bounded",
            "at most 0 preemptions",
        ),
    ],
)
def test_a_verdict_says_what_was_covered(body, plan, verdict, grade, said):
    finding = find(body, **plan)
    assert (finding.verdict, finding.grade) == (verdict, grade), finding.report()
    assert said in finding.reason
    assert (finding.failure is None) == (finding.schedule is None) == (verdict != "reproduced")


def test_what_was_not_interleaved_is_said_at_each_level():
    assert "data accesses were not interleaved" in find(sound).reason
    assert "reads and writes of data" in find(sound, points="access", strategy="bounded").reason


@pytest.mark.parametrize("body", [int, lambda: None, threading.Lock, lambda: time.sleep(5)])
@pytest.mark.parametrize("strategy", ["exhaustive", "random", "portfolio", "bounded", "pct"])
def test_a_body_without_threads_proves_nothing(body, strategy):
    finding = find(body, strategy=strategy)
    assert (finding.verdict, finding.grade) == ("inconclusive", None)
    assert "started no thread" in finding.reason


def test_a_body_without_threads_that_fails_is_a_failure_all_the_same():
    finding = find(lambda: 1 / 0)
    assert (finding.verdict, finding.failure.type) == ("reproduced", "ZeroDivisionError")


@pytest.mark.parametrize("strategy", ["exhaustive", "random", "portfolio"])
def test_a_step_limit_is_no_verdict(strategy):
    def body():
        lock = threading.Lock()

        def count():
            for _ in range(500):
                with lock:
                    pass

        together(count, count)

    finding = find(body, strategy=strategy, max_steps=100, executions=5)
    assert (finding.verdict, finding.failure) == ("inconclusive", None)
    assert "an execution did not end: the limit of 100 operations was reached" in finding.reason


# ---------------------------------------------------------------------- bodies that are not pure


class Calls:
    """Counts its calls and fails at some of them."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.fails, self.made = fails, 0

    def __call__(self) -> None:
        self.made += 1
        _, add = adder(False)
        together(add, add)
        assert not self.fails(self.made), "now and then"


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (lambda call: call == 1, "one replay did not fail"),
        (lambda call: call == 5, "one replay did not fail"),
        (lambda call: call in (5, 6), "one replay did not fail"),
        (lambda call: call % 2 == 1, "one replay did not fail"),
        (lambda call: call > 4, "a schedule that passed at first fails now as well"),
        (lambda call: call > 1, "a schedule that passed at first fails now as well"),
        (lambda call: call > 2, ""),  # the first one is made twice, which tells already
    ],
)
@pytest.mark.parametrize("strategy", ["exhaustive", "random"])
def test_a_body_that_depends_on_more_than_the_schedule_is_inconclusive(fails, said, strategy):
    find(broken)  # imports what the first failure of a process imports: that is not meant here
    finding = find(Calls(fails), strategy=strategy, executions=40)
    assert finding.verdict == "inconclusive", finding.report()
    assert finding.grade is None
    assert said in finding.reason


def test_replays_that_end_in_another_failure_do_not_agree():
    calls = count()

    def body():
        _, add = adder(False)
        together(add, add)
        if next(calls) % 2:
            raise LookupError("odd")
        raise ArithmeticError("even")

    finding = find(body)
    assert finding.verdict == "inconclusive", finding.report()
    assert finding.replays[0] < finding.replays[1]


def test_a_draw_that_is_not_seeded_is_inconclusive():
    source = random.Random(3)  # seeded for this test, but not anew for each execution

    def body():
        _, add = adder(False)
        together(add, add)
        assert source.random() < 0.9

    finding = find(body, strategy="random", executions=300)
    assert finding.verdict == "inconclusive", finding.report()
    assert "something besides the schedule decides" in finding.reason


@pytest.mark.parametrize("strategy", ["exhaustive", "random", "pct"])
def test_a_schedule_that_depends_on_a_draw_is_noticed(strategy):
    source, lock = random.Random(3), threading.Lock()

    def body():
        def take():
            for _ in range(source.randrange(1, 4)):
                with lock:
                    pass

        together(take, take)

    finding = find(body, strategy=strategy, executions=1000)
    assert (finding.verdict, finding.grade) == ("inconclusive", None)
    assert "did not give the same execution twice" in finding.reason


def test_state_that_is_left_over_is_told_from_a_race():
    seen: list[int] = []

    def body():
        lock = threading.Lock()

        def note():
            with lock:
                seen.append(1)

        together(note, note)
        assert len(seen) < 20, "the list is never emptied"

    finding = find(body, executions=300, strategy="random")
    assert finding.verdict == "inconclusive"
    assert "one execution leaves something behind" in finding.reason


def test_a_race_in_a_body_that_starts_afresh_is_not_taken_for_left_over_state():
    state = Box()

    def body():
        state.value = 0
        lock = threading.Lock()

        def add():
            with lock:
                seen = state.value
            with lock:
                state.value = seen + 1

        together(add, add)
        assert state.value == 2

    assert find(body).verdict == "reproduced"


def test_a_failure_of_the_first_execution_alone_is_not_forgotten(tmp_path, monkeypatch):
    (tmp_path / "imported_late_by_a_test.py").write_text("loaded = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    calls = []

    def body():
        import imported_late_by_a_test

        calls.append(imported_late_by_a_test.loaded)
        together(int, int)
        assert len(calls) > 1, "only the first time"

    finding = find(body)
    assert finding.verdict == "inconclusive"
    assert "only the first execution failed" in finding.reason
    assert finding.failure.message.startswith("only the first time")


def test_a_body_that_imports_is_explored_with_what_it_imported(tmp_path, monkeypatch):
    (tmp_path / "counter_imported_late.py").write_text(
        "class Counter:\n    value = 0\n    def add(self):\n        self.value += 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def body():
        import counter_imported_late

        counter = counter_imported_late.Counter()
        together(counter.add, counter.add)
        assert counter.value == 2

    finding = explore(body, root=str(tmp_path))
    assert finding.verdict == "reproduced", finding.report()
    again = replay(body, finding.schedule, root=str(tmp_path))
    assert again.verdict == "reproduced", again.report()


# ------------------------------------------------------------------------------------- misuse


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"executions": 0}, "executions must be a positive whole number, got 0"),
        ({"executions": -1}, "executions must be a positive whole number"),
        ({"executions": True}, "executions must be a positive whole number"),
        ({"executions": "many"}, "executions must be a positive whole number, got 'many'"),
        ({"executions": None}, "executions must be a positive whole number"),
        ({"executions": 1.5}, "executions must be a"),
        ({"seconds": 0}, "seconds must be a positive number"),
        ({"seconds": -0.5}, "seconds must be a positive number"),
        ({"seconds": float("nan")}, "seconds must be a positive number"),
        ({"patience_s": 0}, "patience_s must be a positive number"),
        ({"max_steps": 0}, "max_steps must be a positive whole number"),
        ({"replays": 0}, "replays must be a positive whole number"),
        ({"replays": -3}, "replays must be a positive whole number"),
        ({"strategy": "exhuastive"}, "did you mean 'exhaustive'"),
        ({"points": "lines"}, "points='lines': expected one of access, sync"),
        ({"budget": 5}, "unknown argument 'budget': expected one of strategy, executions"),
        ({"control": "json"}, "control must be a list of module names, got the text 'json'"),
        ({"control": ["no_such_module_x"]}, "control='no_such_module_x': no such module"),
        ({"control": ["_thread"]}, "not Python source"),
        ({"control": [5]}, "control"),
        ({"strategy": "bounded", "preemptions": -1}, "preemptions must be"),
        ({"strategy": "random", "preemptions": 2}, "ignores preemptions"),
        ({"seed": "x"}, "seed must be"),
        ({"strategy": "replay"}, "needs schedule="),
    ],
)
def test_a_mistake_is_refused_in_one_sentence(plan, said):
    with pytest.raises(UsageError) as refused:
        explore(sound, **plan)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


async def coroutine():
    """Runs nothing when it is called."""


def generator():
    """Neither does this."""
    yield


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "the body must be something to call, got None"),
        (5, "the body must be something to call, got 5"),
        ("body", "the body must be something to call, got 'body'"),
        (coroutine, "calling coroutine runs nothing"),
        (generator, "calling generator runs nothing"),
    ],
)
def test_a_body_that_runs_nothing_is_refused(body, said):
    with pytest.raises(UsageError) as refused:
        find(body)
    assert said in str(refused.value)


def test_a_body_that_wants_arguments_fails_with_what_python_says():
    assert find(partial(int, 1, 2, 3)).failure.type == "TypeError"


def test_exploring_inside_a_body_is_refused():
    def body():
        together(int)
        explore(sound)

    finding = find(body)
    assert finding.failure.type == "UsageError"
    assert "inside a body that is being explored" in finding.failure.message


def test_exploring_inside_a_thread_of_a_body_is_refused():
    finding = find(lambda: together(partial(explore, sound)))
    assert finding.failure.type == "UsageError"


def test_exploring_works_in_any_thread():
    findings = []
    thread = threading.Thread(target=lambda: findings.extend([find(broken), find(sound)]))
    thread.start()
    thread.join()
    assert [finding.verdict for finding in findings] == ["reproduced", "ruled out"]


def test_exploring_in_two_threads_at_once_is_refused_and_nothing_breaks():
    inside, go_on, heard = threading.Event(), threading.Event(), []

    class Waiting:
        """A strategy of no interest: the body tells that it is there, and waits to be let go."""

        def __call__(self):
            together(int)
            inside.set()
            while not go_on.is_set():
                time.sleep(0)

    first = threading.Thread(target=lambda: heard.append(find(Waiting(), max_steps=10**9)))
    first.start()
    assert inside.wait(30)
    with pytest.raises(UsageError, match="another thread is exploring"):
        find(sound)
    go_on.set()
    first.join(60)
    assert len(heard) == 1
    assert find(sound).verdict == "ruled out"
    assert find(partial(crosswise, threading.Lock(), threading.Lock(), True)).failure is not None


def test_a_refused_exploration_does_not_keep_the_next_one_out():
    for _ in range(2):
        with pytest.raises(UsageError):
            explore(sound, control=["no_such_module_x"])
    assert find(sound).verdict == "ruled out"


# ------------------------------------------------------------------------------------- as data


def test_a_finding_is_plain_data_with_the_promised_keys():
    import json

    for finding in (find(broken), find(sound), find(int)):
        data = finding.as_json()
        assert list(data) == [
            "verdict",
            "grade",
            "executions",
            "seconds",
            "first_failure",
            "failure",
            "schedule",
            "replays",
            "preemptions",
            "left_schedule",
            "matched",
            "suspects",
            "reason",
            "explanation",
            "lock_order",
            "races",
            "remarks",
            "injected",
            "drawn",
            "miss_bound",
            "miss_bound_for",
            "unseen",
            "power",
            "worth",
        ]
        assert json.loads(json.dumps(data)) == data
    failure = find(broken).as_json()["failure"]
    assert list(failure) == ["kind", "type", "message", "where"]


def test_the_numbers_of_a_finding_agree():
    finding = find(broken, strategy="random")
    assert 1 <= finding.first_failure == finding.executions
    assert finding.seconds > 0
    assert finding.replays == (3, 3)
    assert finding.preemptions >= 1
    assert find(sound).first_failure is None
    assert find(sound).executions == 2


def test_the_fewest_preemptions_are_found_for_a_failure():
    for seed in range(5):
        assert find(broken, strategy="random", seed=seed).preemptions == 1


def test_a_deadlock_that_needs_no_preemption_is_told_with_none():
    def body():
        lock = threading.Lock()
        lock.acquire()
        together(lock.acquire)

    assert find(body, strategy="random").preemptions == 0
