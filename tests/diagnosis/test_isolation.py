"""``explore(isolate=True)`` without pytest: what comes back from the child process."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from pytest_racecheck import Verdict, explore, replay
from pytest_racecheck.errors import UsageError


def together(*functions):
    threads = [threading.Thread(target=f, name=f.__name__) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Counter:
    value = 0

    def add(self):
        self.value += 1


def lost_update():
    counter = Counter()
    together(counter.add, counter.add)
    assert counter.value == 2, "an update was lost"


def close_while_used():
    box = {"open": True}

    def close():
        box["open"] = False

    def use():
        if box["open"] and not box["open"]:
            os.write(2, b"Assertion failed: open (box.c:7)\n")
            os.abort()

    together(close, use)


def test_a_failure_comes_back_as_it_is_found_here():
    here, there = explore(lost_update, seed=3), explore(lost_update, seed=3, isolate=True)
    assert there.verdict is Verdict.REPRODUCED
    assert there.schedule == here.schedule
    assert (there.executions, there.first_failure, there.replays, there.preemptions) == (
        here.executions,
        here.first_failure,
        here.replays,
        here.preemptions,
    )
    assert there.failure.error is None
    assert "AssertionError: an update was lost" in there.failure.text
    assert "in lost_update" in there.failure.text
    assert there.report(100).split("replay:")[0] == here.report(100).split("replay:")[0]


def test_a_proof_comes_back_as_it_is_made_here():
    def body():
        together(lambda: None, lambda: None)

    here, there = explore(body, points="sync"), explore(body, points="sync", isolate=True)
    assert there.verdict is Verdict.RULED_OUT
    assert {**there.as_json(), "seconds": 0} == {**here.as_json(), "seconds": 0}


def test_nothing_that_the_body_does_reaches_this_process():
    seen = []
    explore(lambda: together(lambda: seen.append(os.getpid())), isolate=True)
    assert seen == []


def test_what_a_body_prints_does_not_reach_this_process(capfd):
    finding = explore(lambda: together(lambda: print("hidden")), isolate=True, executions=5)
    assert finding.failure is None
    assert capfd.readouterr() == ("", "")


def test_a_failing_body_hands_over_what_its_failing_execution_printed():
    def body():
        print("once")
        os.write(2, b"native\n")
        lost_update()

    finding = explore(body, isolate=True)
    assert (finding.stdout, finding.stderr) == ("once\n", "native\n")


def test_a_crash_is_reproduced_with_the_schedule_that_led_to_it():
    finding = explore(close_while_used, isolate=True, patience_s=0.5)
    failure = finding.failure
    assert finding.verdict is Verdict.REPRODUCED
    assert (failure.kind, failure.type, failure.task) == ("crash", "SIGABRT", "main/1")
    assert failure.where.startswith("test_isolation.py:")
    assert failure.message == "the process died of SIGABRT: Assertion failed: open (box.c:7)"
    assert finding.replays == (3, 3)
    assert finding.preemptions == 1
    assert [step.task for step in finding.story.steps][-1] == 2
    again = replay(close_while_used, finding.schedule, isolate=True, patience_s=0.5)
    assert again.failure == failure
    assert again.schedule.split(":")[2:] == finding.schedule.split(":")[2:]


@pytest.mark.parametrize("strategy", ["random", "pct", "exhaustive", "portfolio"])
def test_every_strategy_hands_its_schedule_over(strategy):
    finding = explore(
        close_while_used,
        isolate=True,
        strategy=strategy,
        patience_s=0.5,
        executions=3000,
        replays=1,
    )
    assert finding.verdict is Verdict.REPRODUCED
    assert finding.replays == (1, 1)


def test_a_long_schedule_survives_with_its_check_digits():
    def body():
        box = {"n": 0}

        def work():
            for _ in range(40):
                box["n"] += 1

        together(work, work)
        os.abort()

    finding = explore(body, isolate=True, strategy="random", seed=7, patience_s=0.5, replays=2)
    choices, checks = finding.schedule.split(":")[2:]
    assert len(checks) >= 4, choices
    assert finding.verdict is Verdict.REPRODUCED
    assert finding.replays == (2, 2)


def test_the_simplest_crash_is_told():
    """Random finds it with any number of switches; one is enough."""
    finding = explore(close_while_used, isolate=True, strategy="random", seed=11, patience_s=0.5)
    assert finding.preemptions == 1


def test_the_story_of_a_crash_has_what_was_written():
    def body():
        counter = Counter()

        def write():
            counter.value = 7
            counter.value = 8

        together(write)
        if counter.value:
            os.abort()

    rows = explore(body, isolate=True).report(200).splitlines()
    assert [row.split()[-1] for row in rows if "write Counter.value" in row] == ["7", "8"]


def test_an_exit_status_is_the_type_of_a_crash():
    def leave():
        import ctypes

        ctypes.CDLL(None)._exit(5)

    finding = explore(lambda: together(leave), isolate=True, replays=1)
    assert (finding.failure.kind, finding.failure.type) == ("crash", "Exit 5")


def test_a_crash_outside_every_choice_has_an_empty_schedule_that_replays():
    finding = explore(os.abort, isolate=True, replays=1)
    assert finding.verdict is Verdict.REPRODUCED
    assert replay(os.abort, finding.schedule, isolate=True).failure.type == "SIGABRT"


def test_a_hang_that_keeps_the_interpreter_is_ended():
    import ctypes

    def hold():
        ctypes.PyDLL(None).sleep(1000)

    finding = explore(lambda: together(hold), isolate=True, patience_s=0.2, replays=1)
    assert (finding.failure.kind, finding.failure.task) == ("hang", "main/0")
    assert "native code kept the interpreter lock" in finding.failure.message
    assert "in hold" in finding.failure.text


def test_a_python_hang_is_named_by_the_childs_own_watchdog():
    def spin():
        while True:
            pass

    finding = explore(
        lambda: together(spin), isolate=True, patience_s=0.2, points="sync", replays=1
    )
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.failure.kind == "hang"
    assert "main/0 (spin)" in finding.failure.message


def test_what_stops_a_test_is_raised_here():
    with pytest.raises(pytest.skip.Exception, match="not today"):
        explore(lambda: pytest.skip("not today"), isolate=True)
    with pytest.raises(KeyboardInterrupt):
        explore(lambda: signal.raise_signal(signal.SIGINT), isolate=True)


def test_children_end_with_what_they_started():
    def body():
        if os.fork() == 0:
            time.sleep(1000)
        os.abort()

    before = children()
    explore(body, isolate=True, replays=1, patience_s=0.3)
    assert children() == before


def children() -> set[int]:
    """Process ids of everything that descends from this process."""
    found: set[int] = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                found.add(int(entry))
    return found


def test_files_and_threads_of_this_process_stay_as_they_were():
    explore(lost_update, isolate=True)
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(3):
        explore(lost_update, isolate=True)
        explore(os.abort, isolate=True, replays=1)
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == (files, threads)


def test_a_platform_without_fork_is_refused(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(UsageError, match=r"isolate=True needs os\.fork"):
        explore(lambda: None, isolate=True)


def test_huge_output_is_cut_in_the_middle():
    def body():
        for n in range(3000):
            print(f"line {n} " + "x" * 100)
        raise ValueError

    finding = explore(body, isolate=True, replays=1)
    assert finding.stdout.startswith("line 0 ")
    assert "bytes left out" in finding.stdout
    assert finding.stdout.rstrip().splitlines()[-1].startswith("line 2999 ")
    assert len(finding.stdout) < 140_000
