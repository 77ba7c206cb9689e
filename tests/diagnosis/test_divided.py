"""A search divided over processes finds what one process finds, and survives what they suffer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import pytest_racecheck
from pytest_racecheck import explore
from pytest_racecheck.diagnosis import divided, minimise, suspects
from pytest_racecheck.engine.explore import Runner, kept_choices
from pytest_racecheck.engine.schedule import record
from twins import together

HERE = os.getpid()
SAMPLING = ("random", "pct", "pos", "surw", "swarm", "kinds", "portfolio")


@pytest.fixture(autouse=True)
def every_share_is_worth_a_fork(monkeypatch):
    """And nothing is cut short on a busy machine, which would change what is told."""
    monkeypatch.setattr(divided, "WORTH_S", 0.0)
    monkeypatch.setattr(minimise, "MAX_SECONDS", 60.0)
    monkeypatch.setattr(suspects, "MAX_SECONDS", 60.0)


def orders(wrong: Callable[[int], bool], each: int = 6) -> Callable[[], None]:
    """Three threads whose moves make a number; for some numbers the body fails."""

    def body() -> None:
        lock, moves = threading.Lock(), []

        def move(digit: int) -> Callable[[], None]:
            def run() -> None:
                for _ in range(each):
                    with lock:
                        moves.append(digit)

            return run

        together(move(0), move(1), move(2))
        number = int("".join(map(str, moves)), 3)
        assert not wrong(number), "this order is wrong"

    return body


def never(_: int) -> bool:
    return False


def rarely(number: int) -> bool:
    return number % 307 == 7


def found(body: Callable[[], None], **plan: object) -> dict:
    plan = {
        "points": "sync",
        "executions": 300,
        "seconds": 600.0,
        "replays": 1,
        "patience_s": 20,
        **plan,
    }
    finding = explore(body, **plan)
    return {**finding.as_json(), "seconds": 0, "told": finding.report(), "w": finding.warnings}


# ------------------------------------------------------------------------ the same as one process


@pytest.mark.parametrize(
    "strategy",
    [
        s if s in ("surw", "portfolio") else pytest.param(s, marks=pytest.mark.slow)
        for s in SAMPLING
    ],
)
def test_two_processes_find_what_one_finds(strategy):
    body = orders(rarely)
    one = found(body, strategy=strategy)
    assert found(body, strategy=strategy, workers=2) == one
    assert strategy != "surw" or one["first_failure"] > 2 * 64  # it is a worker that fails first


@pytest.mark.slow
@pytest.mark.parametrize("strategy", SAMPLING)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_number_of_processes_finds_the_same(strategy, seed):
    body = orders(rarely)
    one = found(body, strategy=strategy, seed=seed, executions=700)
    for workers in (2, 3, 4):
        more = found(body, strategy=strategy, seed=seed, executions=700, workers=workers)
        assert more == one, workers


@pytest.mark.slow
def test_the_findings_compared_are_not_all_of_one_kind():
    findings = [found(orders(rarely), strategy=s, executions=700) for s in SAMPLING]
    assert {f["verdict"] for f in findings} == {"reproduced", "inconclusive"}
    assert any((f["first_failure"] or 0) > 2 * 64 for f in findings)


def schedules(monkeypatch, log: Path, **plan: object) -> Counter:
    """How often each schedule was executed, in whatever process."""
    plain = Runner.execute

    def noted(self, decider, trace=None, **more):
        execution = plain(self, decider, trace, **more)
        text = record("any", kept_choices(execution)).text()
        with open(log, "a") as file:  # one write, at the end: lines do not mix
            file.write(f"{text} {os.getpid()}\n")
        return execution

    with monkeypatch.context() as patch:
        patch.setattr(Runner, "execute", noted)
        found(orders(never), **plan)
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len({pid for _, pid in lines}) >= plan["workers"]
    return Counter(text for text, _ in lines)


@pytest.mark.parametrize(
    "strategy", ["kinds", *(pytest.param(s, marks=pytest.mark.slow) for s in SAMPLING)]
)
def test_the_set_of_executions_does_not_depend_on_the_number_of_processes(
    monkeypatch, tmp_path, strategy
):
    one, *others = [
        schedules(monkeypatch, tmp_path / f"{n}", strategy=strategy, workers=n) for n in (1, 2, 3)
    ]
    assert sum(one.values()) > 300
    assert all(other == one for other in others)


@pytest.mark.slow
def test_a_proof_of_the_systematic_member_is_the_same():
    def body() -> None:
        lock = threading.Lock()

        def take() -> None:
            for _ in range(2):
                with lock:
                    pass

        together(take, take)

    one = found(body, executions=20_000)
    assert one["verdict"] == "ruled out"
    assert one["executions"] > 2 * 64
    assert found(body, executions=20_000, workers=2) == one


def test_the_budget_of_time_ends_all_processes():
    finding = explore(
        orders(never), strategy="random", points="sync", executions=10**9, seconds=0.5, workers=2
    )
    assert finding.grade == "statistical"
    assert 64 < finding.executions < 10**9


# ------------------------------------------------------------------- what only a worker suffers


def elsewhere(act: Callable[[], object]) -> Callable[[], None]:
    """A body that passes here, and acts in the other processes of the search."""

    def body() -> None:
        together(lambda: None, lambda: None)
        if os.getpid() != HERE:
            act()

    return body


def wrong() -> None:
    raise AssertionError("wrong in another process")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hanging() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")  # for longer than anybody waits, with the interpreter


def leaving() -> None:
    os._exit(3)


def alive(parent: int) -> list[int]:
    """The processes whose parent is ``parent``."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (wrong, "execution 66 ended in AssertionError at test_divided.py"),
        (killed, "process 2 of 2 died of SIGKILL, in execution 66; explore with isolate=True"),
        (leaving, "execution 66 ended in ProcessExit at test_divided.py"),
        pytest.param(
            hanging,
            "process 2 of 2 was killed: native code kept the interpreter lock",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_worker_that_is_not_like_this_process_proves_nothing(act, says):
    before = alive(HERE)
    finding = explore(
        elsewhere(act), strategy="random", points="sync", executions=200, workers=2, patience_s=0.3
    )
    assert finding.verdict == "inconclusive"
    assert finding.grade is None
    assert says in finding.reason
    assert alive(HERE) == before


def test_the_share_of_a_worker_that_never_begins_is_made_here(monkeypatch):
    body = orders(rarely)
    one = found(body, strategy="surw")
    plain = Runner.begin_anew

    def begin_anew(self, number):
        plain(self, number)
        if number == 1:
            killed()

    monkeypatch.setattr(Runner, "begin_anew", begin_anew)
    assert found(body, strategy="surw", workers=3) == one


def test_what_stops_a_test_stops_it_from_a_worker_too():
    def skips(number: int) -> bool:
        if number % 211 == 7:
            pytest.skip(f"in order {number}")
        return False

    def reason(**plan: object) -> str:
        with pytest.raises(pytest.skip.Exception) as skipped:
            found(orders(skips), strategy="random", **plan)
        return str(skipped.value)

    failing = orders(lambda number: number % 211 == 7)
    assert found(failing, strategy="random")["first_failure"] > 64
    assert reason(workers=2) == reason(workers=3) == reason()


SCRIPT = """
    import os, sys, threading
    from pytest_racecheck import explore
    from pytest_racecheck.diagnosis import divided
    divided.WORTH_S = 0.0
    here = os.getpid()

    def body():
        lock = threading.Lock()
        def take():
            for _ in range(5):
                with lock: pass
        threads = [threading.Thread(target=take) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        if os.getpid() != here and not told:
            told.append(1)
            print(os.getpid(), file=out, flush=True)

    out, told = os.fdopen(os.dup(1), "w"), []
    explore(body, strategy="random", points="sync", executions=10**9, seconds=600, workers=3)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_search_leaves_no_worker_behind(number):
    environment = os.environ | {"PYTHONPATH": str(Path(pytest_racecheck.__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as search:
        workers = [int(search.stdout.readline()) for _ in range(2)]
        search.send_signal(number)
        _, said = search.communicate(timeout=60)
    assert search.returncode == -number
    assert ("KeyboardInterrupt" in said) == (number == signal.SIGINT)
    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < until:
        threading.Event().wait(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


# ------------------------------------------------------------------------------ where it is one


@pytest.mark.parametrize("strategy", ["exhaustive", "bounded"])
def test_a_search_that_cannot_be_divided_says_so(strategy):
    one = explore(orders(never, 1), strategy=strategy, points="sync")
    two = explore(orders(never, 1), strategy=strategy, points="sync", workers=2)
    (note,) = two.warnings
    assert note == (
        f"one process made the search, not 2: each execution of strategy '{strategy}' depends on "
        "those before it"
    )
    assert {**two.as_json(), "seconds": 0} == {**one.as_json(), "seconds": 0}


def test_other_threads_of_this_process_keep_it_from_forking():
    end = threading.Event()
    beside = threading.Thread(target=end.wait, name="server")
    beside.start()
    try:
        finding = explore(orders(never), strategy="random", points="sync", executions=70, workers=2)
    finally:
        end.set()
        beside.join()
    assert "a fork would not have the other threads of this process (server)" in finding.warnings[0]
    assert finding.executions == 70


def test_sockets_keep_it_from_forking():
    zmq = pytest.importorskip("zmq")

    def body():
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("inproc://divided")

            def send():
                with context.socket(zmq.PUSH) as push:
                    push.connect("inproc://divided")
                    push.send(b"one")

            thread = threading.Thread(target=send)
            thread.start()
            assert pull.recv() == b"one"
            thread.join()

    finding = explore(body, strategy="random", points="sync", executions=300, workers=2)
    assert finding.failure is None
    assert "a fork would not have the threads of libzmq" in finding.warnings[0]
    assert finding.executions == 300


def test_a_search_in_a_child_process_is_one_and_says_so():
    body = orders(never)
    finding = explore(body, points="sync", executions=70, workers=2, isolate=True)
    assert "one process made the search: with isolate=True" in finding.warnings[0]


def test_auto_is_one_process_for_each_cpu_and_one_in_a_worker_of_xdist(monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert divided.processes("auto") == len(os.sched_getaffinity(0))
    assert divided.processes(3) == 3
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    assert divided.processes("auto") == 1
    assert divided.processes(3) == 3
