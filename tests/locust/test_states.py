"""Master and worker without sockets: Locust's constants, lines and answers, tick by tick."""

from __future__ import annotations

import pytest

pytest.importorskip("msgpack")

from pytest_racecheck.locust.liveness import Node
from pytest_racecheck.locust.master_state import LoadTest, MasterState, Reply
from pytest_racecheck.locust.wire import Message, pack
from pytest_racecheck.locust.worker_state import WorkerState


def registered(*names: str, **changes: object) -> tuple[MasterState, list[str]]:
    said: list[str] = []
    master = MasterState(LoadTest(users=3, expect_workers=len(names)), say=said.append, **changes)
    for name in names:
        master.receive(name.encode(), pack(WorkerState(name).ready()))
    return master, said


def tell(master: MasterState, name: str, kind: str, data: object = None) -> list[Reply]:
    return master.receive(name.encode(), pack(Message(kind, data, name)))


def kinds(replies: list[Reply]) -> list[str]:
    return [reply.message.type for reply in replies]


def run_to(master: MasterState, name: str = "w") -> None:
    tell(master, name, "spawning")
    counts = {"user_classes_count": {"User": 3}, "user_count": 3}
    assert kinds(tell(master, name, "spawning_complete", counts)) == ["spawning_complete"]
    assert master.state == "running"


def test_the_fifth_tick_after_a_heartbeat_makes_it_missing() -> None:
    node = Node("w", 0)
    assert [node.tick() for _ in range(5)] == [None, None, None, None, "missing"]
    assert node.tick() is None


def test_a_heartbeat_before_the_fifth_tick_keeps_it() -> None:
    node = Node("w", 0)
    for _ in range(20):
        assert [node.tick() for _ in range(4)] == [None] * 4
        assert not node.beat("running")


def test_sixty_ticks_after_missing_it_is_forgotten() -> None:
    master, _ = registered("w")
    for _ in range(5):
        master.tick()
    ticks = 0
    while master.nodes:
        master.tick()
        ticks += 1
    assert ticks == 60
    assert tell(master, "w", "heartbeat", {"state": "running"}) == []


def test_a_worker_registers_is_told_what_to_run_and_runs() -> None:
    said: list[str] = []
    master = MasterState(LoadTest(users=3, spawn_rate=3), say=said.append)
    worker = WorkerState("w")
    ack, spawn = master.receive(b"w", pack(worker.ready()))
    assert (ack.message.type, ack.message.data) == ("ack", {"index": 0})
    assert worker.receive(ack.message) == []
    spawning, complete = worker.receive(spawn.message)
    assert complete.data == {"user_classes_count": {"User": 3}, "user_count": 3}
    assert master.receive(b"w", pack(spawning)) == []
    [all_there] = master.receive(b"w", pack(complete))
    assert all_there.message.data == {"user_count": 3}
    assert said == [
        "w (index 0) reported as ready. 1 workers connected.",
        "Sending spawn jobs of 3 users at 3.00 spawn rate to 1 ready workers",
        "All users spawned: 3",
    ]


def test_missing_is_said_in_locusts_words_and_stops_the_test() -> None:
    master, said = registered("w")
    run_to(master)
    replies = [reply for _ in range(5) for reply in master.tick()]
    assert kinds(replies) == ["stop"]
    assert master.state == "stopped"
    assert said[-2:] == [
        "Worker w failed to send heartbeat, setting state to missing.",
        "The last worker went missing, stopping test.",
    ]
    tell(master, "w", "heartbeat", {"state": "running"})
    assert said[-1] == "Worker w self-healed with heartbeat, setting state to running."


def test_one_missing_worker_of_two_does_not_stop_the_test() -> None:
    master, said = registered("a", "b")
    run_to_both(master)
    for _ in range(5):
        tell(master, "a", "heartbeat", {"state": "running"})
        master.tick()
    assert master.state == "running"
    assert [node.id for node in master.connected()] == ["a"]
    assert "The last worker went missing, stopping test." not in said


def run_to_both(master: MasterState) -> None:
    for name in ("a", "b"):
        counts = {"user_classes_count": {"User": 1}, "user_count": 1}
        tell(master, name, "spawning_complete", counts)


def test_a_resurrected_worker_is_told_to_stop_once_more_only_if_asked_for() -> None:
    for repeat, answers in ((False, ["heartbeat"]), (True, ["heartbeat", "stop"])):
        master, _ = registered("w", repeat_stop=repeat)
        run_to(master)
        for _ in range(5):
            master.tick()
        assert kinds(tell(master, "w", "heartbeat", {"state": "running"})) == answers


def test_one_stale_stopped_stops_the_whole_test_for_good() -> None:
    master, _ = registered("w")
    run_to(master)
    tell(master, "w", "heartbeat", {"state": "stopped"})
    tell(master, "w", "heartbeat", {"state": "running"})
    assert master.state == "stopped"


def test_strangers_get_no_answer_and_a_spawning_one_is_sent_home() -> None:
    whispered: list[str] = []
    master = MasterState(whisper=whispered.append)
    assert tell(master, "w", "heartbeat", {"state": "running"}) == []
    assert whispered == ["Got heartbeat message from unknown worker w"]
    assert kinds(tell(master, "w", "spawning")) == ["quit"]


def test_an_undecodable_payload_of_a_known_worker_is_answered_reconnect() -> None:
    master, _ = registered("w")
    assert kinds(master.receive(b"w", b"\xc1")) == ["reconnect"]
    assert kinds(master.receive(b"w", pack(Message("heartbeat", None, "w")))) == ["reconnect"]
    assert master.receive(b"stranger", b"\xc1") == []
    assert master.receive(b"\xff\xfe", b"\xc1") == []
    assert master.refused == 4


def test_an_id_that_comes_twice_is_one_worker_with_one_index() -> None:
    master, said = registered("w")
    tell(master, "w", "client_ready", -1)
    assert [node.index for node in master.nodes.values()] == [0]
    assert said[-2] == "w (index 0) reported as ready. 1 workers connected."


def test_an_old_worker_is_refused() -> None:
    for old in (None, 0):
        master = MasterState(say=(said := []).append)
        assert tell(master, "w", "client_ready", old) == []
        assert "old (pre 2.0) worker" in said[0]
        assert not master.nodes


def test_who_leaves_is_forgotten_and_may_come_again() -> None:
    master, said = registered("w")
    run_to(master)
    master.stop()
    tell(master, "w", "client_stopped")
    assert not master.nodes
    tell(master, "w", "client_ready", -1)
    tell(master, "w", "quit")
    assert said[-1] == "w (index 0) quit. 0 workers ready."


def test_an_order_that_is_not_newer_is_discarded() -> None:
    worker = WorkerState("w")
    job = {"timestamp": 5.0, "user_classes_count": {"User": 2}}
    assert len(worker.receive(Message("spawn", job, "w"))) == 2
    older = {"timestamp": 5.0, "user_classes_count": {"User": 9}}
    assert worker.receive(Message("spawn", older, "w")) == []
    assert worker.users == {"User": 2}


def test_orders_of_one_master_are_newer_than_those_before_even_when_its_clock_stands() -> None:
    master, _ = registered("w", stamp=lambda: 7.0)
    stamps = [master.start()[0].message.data["timestamp"] for _ in range(3)]
    assert stamps == sorted(set(stamps))


def test_stop_makes_a_worker_register_again() -> None:
    worker = WorkerState("w", state="running")
    answers = worker.receive(Message("stop", None, "w"))
    assert [answer.type for answer in answers] == ["client_stopped", "client_ready"]
    assert worker.state == "ready"


def test_who_registers_again_begins_with_no_users() -> None:
    worker = WorkerState("w", state="running", users={"User": 3})
    assert worker.ready_again().type == "client_ready"
    assert (worker.heartbeat().data["state"], worker.users) == ("ready", {})
