"""Master and worker as a user starts them: each its own process, judged by lines and status."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("zmq")
pytest.importorskip("msgpack")

from pytest_racecheck.errors import MissingDependency
from pytest_racecheck.locust import latency, master, worker

MASTER = ("-m", "pytest_racecheck.locust.master")
WORKER = ("-m", "pytest_racecheck.locust.worker")


def test_a_worker_and_a_master_run_a_test_to_its_end(program, port) -> None:
    master = program(*MASTER, "--port", port, "--users", "3", "--run-time", "0.2")
    worker = program(*WORKER, "--port", port, "--id", "w1", "--policy", "single_owner_priority")
    assert (master.end(), worker.end()) == (0, 0)
    assert [line.split("locust.runners: ")[1] for line in master.lines] == [
        "Waiting for workers to be ready, 0 of 1 connected",
        "w1 (index 0) reported as ready. 1 workers connected.",
        "Sending spawn jobs of 3 users at 1.00 spawn rate to 1 ready workers",
        "All users spawned: 3",
    ]
    assert worker.lines == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy", ["unlocked", "lock_timeout_yield(100)", "lock_fair(100)", "lock_dontwait(latest)"]
)
def test_other_policies_do_it_too(program, port, policy) -> None:
    master = program(*MASTER, "--port", port, "--run-time", "2")
    worker = program(*WORKER, "--port", port, "--policy", policy)
    assert (master.end(), worker.end()) == (0, 0)


@pytest.mark.slow
def test_a_lock_held_over_the_receive_makes_a_worker_missing_in_the_masters_words(
    program, port
) -> None:
    """A-05 on the real clock: registered, acknowledged, and never heard of again."""
    master = program(*MASTER, "--port", port, "--expect-workers", "2", "--max-wait", "8")
    program(*WORKER, "--port", port, "--id", "w1", "--policy", "lock_blocking")
    master.wait_for("Worker w1 failed to send heartbeat, setting state to missing.")
    assert master.end() == 1


def test_a_port_in_use_is_one_sentence_and_status_2(program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        master = program(*MASTER, "--port", str(taken.getsockname()[1]))
        assert master.end() == 2
    [sentence] = master.lines
    assert sentence.startswith("locust.master: cannot listen at 127.0.0.1:")
    assert sentence.endswith("choose another with --host and --port")


def test_a_master_that_is_not_there_is_given_up_with_status_1(program, port) -> None:
    tries = ("--connect-timeout", "0.1", "--connect-tries", "2")
    worker = program(*WORKER, "--port", port, *tries)
    assert worker.end() == 1
    assert worker.lines[-1].endswith("No ack from the master, quit.")


def test_a_master_without_workers_gives_up_with_status_1(program, port) -> None:
    master = program(*MASTER, "--port", port, "--max-wait", "0.1")
    assert master.end() == 1
    assert master.lines[-1].endswith("No test was running after 0.1 s, giving up.")


def test_a_master_that_is_killed_is_noticed(program, port) -> None:
    master = program(*MASTER, "--port", port, "--run-time", "600")
    worker = program(*WORKER, "--port", port, "--master-timeout", "1")
    master.wait_for("All users spawned")
    master.close()
    assert worker.end() == 1
    assert "Nothing from the master for" in worker.lines[-1]


def test_a_worker_that_is_killed_goes_missing_and_the_test_stops(program, port) -> None:
    master = program(*MASTER, "--port", port, "--run-time", "600")
    worker = program(*WORKER, "--port", port, "--id", "w1")
    master.wait_for("All users spawned")
    worker.close()
    assert master.end() == 1
    assert "The last worker went missing, stopping test." in master.lines[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--policy", "magic"), "no policy 'magic': there are unlocked, "),
        (("--port", "x"), "locust.worker: argument --port: expected a whole number, got 'x'"),
        (("--host", "no such host"), "locust.worker: cannot connect to tcp://no such host:"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence_and_status_2(
    program, words, sentence
) -> None:
    worker = program(*WORKER, *words)
    assert worker.end() == 2
    [line] = worker.lines
    assert line.startswith(sentence)


@pytest.mark.parametrize("main", [master.main, worker.main, latency.main])
def test_without_its_library_a_program_names_the_command_that_installs_it(
    main, monkeypatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install \"pytest-racecheck\[zeromq\]\"$"):
        main([])


def test_importing_the_programs_imports_neither_library(program) -> None:
    modules = "import pytest_racecheck.locust.master, pytest_racecheck.locust.worker"
    asked = f"{modules}, pytest_racecheck.locust.latency, sys"
    nothing = program("-c", f"{asked}; sys.exit('zmq' in sys.modules or 'msgpack' in sys.modules)")
    assert nothing.end() == 0
