"""The worker's four roles in virtual time: an ack that never comes, a master that falls silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("zmq")
pytest.importorskip("msgpack")

from pytest_racecheck import explore
from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import NODE, Rig, wired
from pytest_racecheck.locust.roles import Timing, Worker
from pytest_racecheck.locust.serving import Master

CORRECT = [
    "lock_timeout_yield(100)",
    "lock_fair(100)",
    "lock_dontwait(latest)",
    "single_owner",
    "single_owner_priority",
]


def holds(policy: str, timing: Timing, act: Callable[[Rig, Worker, list[str]], None]) -> None:
    """Run one worker with all its roles against `act`, under a few schedules; none may fail."""

    def body() -> None:
        said: list[str] = []
        with wired(policy, "inproc") as rig:
            worker = Worker(NODE, rig.link, rig.outbox, timing=timing, say=said.append)
            worker.start()
            act(rig, worker, said)

    finding = explore(body, executions=5, points="sync", seconds=30)
    assert finding.failure is None, finding.report()


@pytest.mark.parametrize("policy", CORRECT)
def test_a_correct_policy_runs_a_test_and_is_sent_home(policy: str) -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        state = MasterState()
        master = Master(rig.router, state)
        master.serve(lambda state: state.received.get("stats", 0) == 1)
        master.send(state.quit())
        worker.join()
        assert (state.state, worker.failure, said) == ("running", None, [])
        assert state.received["heartbeat"] >= 3
        assert worker.state.heard["heartbeat"] >= 2

    holds(policy, Timing(), act)


def test_without_an_ack_it_registers_again_and_gives_up_at_last() -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        for _ in range(3):
            rig.hear("client_ready")
        worker.join()
        assert said == ["No ack from the master, quit."]

    holds("single_owner", Timing(connect_tries=3), act)


def test_a_worker_that_does_not_look_for_the_ack_goes_on_without() -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        rig.hear("heartbeat")
        assert said == ["No ack from the master, going on all the same."]
        worker.stop()

    holds("single_owner", Timing(connect_tries=1), act)


def test_a_silent_master_is_given_up_after_sixty_seconds() -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        rig.say("ack", {"index": 0})
        worker.join()
        assert said == ["Nothing from the master for 60 s, quit."]

    holds("single_owner", Timing(interval_s=20.0), act)


def test_a_silent_master_may_be_a_new_one_so_the_worker_registers_again() -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        rig.hear("client_ready")
        rig.say("ack", {"index": 0})
        rig.hear("client_ready")
        rig.say("quit")
        worker.join()
        assert (worker.failure, said) == (None, [])

    holds("single_owner", Timing(register_again_s=3.0), act)


def test_a_broken_payload_of_the_master_is_dropped_and_the_next_is_heard() -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        rig.router.send_multipart([NODE.encode(), b"\xc1"])
        rig.say("quit")
        worker.join()
        assert worker.state.refused == 1
        assert said[0].startswith("Bad message from the master, dropped: 1 bytes are not one")

    holds("lock_dontwait(latest)", Timing(), act)


@pytest.mark.parametrize("policy", CORRECT)
def test_a_worker_that_is_stopped_says_so_and_leaves(policy: str) -> None:
    def act(rig: Rig, worker: Worker, said: list[str]) -> None:
        rig.hear("client_ready")
        worker.stop()
        rig.hear("quit")
        assert (worker.failure, said) == (None, [])

    holds(policy, Timing(), act)
