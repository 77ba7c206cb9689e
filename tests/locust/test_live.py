"""The same matrix with Locust itself: our worker on its master, its worker on ours."""

from __future__ import annotations

import signal
import time

import pytest

pytest.importorskip("zmq")
pytest.importorskip("msgpack")

pytestmark = pytest.mark.locust

OURS, LOCUST = "ours", "Locust's"
MATRIX = [(LOCUST, OURS), (OURS, LOCUST), (LOCUST, LOCUST), (OURS, OURS)]
READY = "reported as ready. 1 workers connected."
SPAWN = "Sending spawn jobs of 3 users at 3.00 spawn rate to 1 ready workers"
MISSING = "failed to send heartbeat, setting state to missing."
LAST = "The last worker went missing, stopping test."
# A heartbeat was sent up to a second before the stop; then five ticks, four to five seconds.
SOONEST_S = 3.0
WAITS = 8  # lines, one a second: more than twice what a registration takes


def master(whose, program, port, locustfile, run_time_s):
    if whose == OURS:
        words = ("--port", port, "--users", "3", "--spawn-rate", "3", "--user-class", "Quiet")
        return program(
            "-m", "pytest_racecheck.locust.master", *words, "--run-time", str(run_time_s)
        )
    words = ("-m", "locust", "-f", locustfile, "--master", "--headless", "-u", "3", "-r", "3")
    where = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    return program(*words, *where, "--expect-workers", "1", "-t", f"{run_time_s}s")


def worker(whose, program, port, locustfile, policy="single_owner_priority"):
    if whose == OURS:
        words = ("--port", port, "--policy", policy)
        return program("-m", "pytest_racecheck.locust.worker", *words)
    words = ("-m", "locust", "-f", locustfile, "--worker")
    return program(*words, "--master-host", "127.0.0.1", "--master-port", port)


@pytest.mark.parametrize(
    ("whose_master", "whose_worker"),
    [*MATRIX[:2], *(pytest.param(*pair, marks=pytest.mark.slow) for pair in MATRIX[2:])],
)
def test_a_test_runs_from_ready_to_quit(
    program, port, locustfile, whose_master, whose_worker
) -> None:
    boss = master(whose_master, program, port, locustfile, 3)
    hand = worker(whose_worker, program, port, locustfile)
    for line in (READY, SPAWN, "All users spawned"):
        boss.wait_for(line)
    assert (boss.end(), hand.end()) == (0, 0)
    text = "\n".join(boss.lines + hand.lines)
    assert MISSING not in text
    assert "Traceback" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("whose_master", "whose_worker"), MATRIX)
def test_a_worker_that_is_stopped_for_six_seconds_is_missing_and_heals(
    program, port, locustfile, whose_master, whose_worker
) -> None:
    """A-07: declared missing, the test stopped, and back with its old state (A-17)."""
    boss = master(whose_master, program, port, locustfile, 60)
    hand = worker(whose_worker, program, port, locustfile)
    boss.wait_for("All users spawned")
    hand.process.send_signal(signal.SIGSTOP)
    stopped_s = time.monotonic()
    boss.wait_for(MISSING)
    assert time.monotonic() - stopped_s >= SOONEST_S, "before the fifth tick"
    boss.wait_for(LAST)
    hand.process.send_signal(signal.SIGCONT)
    if whose_master == LOCUST:  # ours ends when its test was stopped
        boss.wait_for("self-healed with heartbeat, setting state to ")


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["lock_blocking", "lock_dontwait(latest)"])
def test_a_real_master_loses_the_worker_whose_lock_is_held_over_the_receive(
    program, port, locustfile, policy
) -> None:
    """A-05; the twin that holds its lock for moments is never missing."""
    boss = master(LOCUST, program, port, locustfile, 7)
    hand = worker(OURS, program, port, locustfile, policy)
    boss.wait_for(READY)
    if policy == "lock_blocking":
        boss.wait_for(MISSING)
    else:
        assert (boss.end(), hand.end()) == (0, 0)
        assert not [line for line in boss.lines if MISSING in line]


@pytest.mark.slow
@pytest.mark.parametrize("again", [("--register-again", "3"), ()], ids=["registers", "does not"])
def test_a_worker_survives_a_real_masters_restart_if_it_registers_again(
    program, port, locustfile, again
) -> None:
    """A-12: the new master gets its test; without, it waits for workers while one beats at it."""
    first = master(LOCUST, program, port, locustfile, 60)
    hand = program("-m", "pytest_racecheck.locust.worker", "--port", port, *again)
    first.wait_for("All users spawned")
    first.close()
    second = master(LOCUST, program, port, locustfile, 2)
    if again:
        second.wait_for("All users spawned")
        assert (second.end(), hand.end()) == (0, 0)
    else:
        second.wait_for("Waiting for workers to be ready, 0 of 1", times=WAITS)
        assert hand.process.poll() is None
        assert not [line for line in second.lines if READY in line]
