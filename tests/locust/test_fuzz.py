"""Anything may come over the wire: the codec and both state machines take it, or refuse it."""

from __future__ import annotations

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("hypothesis")

import msgpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_racecheck.locust.master_state import LoadTest, MasterState
from pytest_racecheck.locust.outbox import Letter, SlotFirst
from pytest_racecheck.locust.wire import KNOWN, Message, WireError, pack, unpack
from pytest_racecheck.locust.worker_state import WorkerState

# Each of the five tests takes so many inputs: with --slow, 125 000 in all.
QUICK, SLOW = 100, 25_000
BUDGETS = [
    pytest.param(QUICK, id="quick"),
    pytest.param(SLOW, id="slow", marks=pytest.mark.slow),
]

NAMES = st.sampled_from(["w", "v", ""]) | st.text(max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.integers(-5, 5), inner, max_size=4)
    ),
    max_leaves=8,
)
COUNTS = st.dictionaries(st.text(max_size=4), st.integers(-1, 2**31), max_size=3) | VALUES
DATA = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["ready", "running", "stopped", "missing"]) | VALUES,
        "index": st.integers(0, 5) | VALUES,
        "timestamp": st.floats() | VALUES,
        "user_classes_count": COUNTS,
        "user_count": st.integers(0, 5) | VALUES,
    },
)
KINDS = st.sampled_from(sorted(KNOWN)) | st.text(max_size=6)
RAW = st.tuples(KINDS | SCALARS, DATA, NAMES | SCALARS).map(msgpack.packb)
WELL_FORMED = st.builds(Message, KINDS, DATA, NAMES)


def damaged(payload: bytes, cut: int, at: int, byte: int) -> bytes:
    """A payload that lost its end, or in which one byte is another, or that has one too many."""
    if cut < len(payload):
        return payload[:cut]
    spot = at % (len(payload) + 1)
    return payload[:spot] + bytes([byte]) + payload[spot + (byte % 2) :]


DAMAGED = st.builds(damaged, RAW, st.integers(0, 60), st.integers(min_value=0), st.integers(0, 255))
PAYLOADS = st.binary(max_size=60) | RAW | DAMAGED
TICK = st.none()


def within(budget: int):
    """So many inputs, the same ones in every run."""
    return settings(
        max_examples=budget,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def read(payload: bytes) -> Message | str:
    """The message, or the sentence that refuses it; nothing else may happen."""
    try:
        return unpack(payload)
    except WireError as refused:
        return str(refused)


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_payload_is_one_message_or_refused(budget: int) -> None:
    @within(budget)
    @given(PAYLOADS)
    def holds(payload: bytes) -> None:
        message = read(payload)
        if isinstance(message, str):
            assert message
            assert "\n" not in message
        else:
            assert isinstance(message.type, str)
            assert isinstance(message.node_id, str)

    holds()


@pytest.mark.parametrize("budget", BUDGETS)
def test_what_could_be_packed_comes_back(budget: int) -> None:
    @within(budget)
    @given(WELL_FORMED)
    def holds(message: Message) -> None:
        try:
            payload = pack(message)
        except WireError:
            return
        assert pack(unpack(payload)) == payload

    holds()


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_master_takes_whatever_comes_and_its_answers_can_be_sent(budget: int) -> None:
    @within(budget)
    @given(
        st.lists(
            TICK | st.tuples(NAMES.map(str.encode) | st.binary(max_size=5), PAYLOADS), max_size=12
        )
    )
    def holds(events: list[tuple[bytes, bytes] | None]) -> None:
        master = MasterState(LoadTest(users=5), stamp=lambda: 1.0)
        for event in events:
            replies = master.tick() if event is None else master.receive(*event)
            for identity, message in replies:
                assert identity.decode() == message.node_id
                assert unpack(pack(message)) == message
        assert master.state in ("ready", "spawning", "running", "stopped")
        assert all(name == node.id for name, node in master.nodes.items())

    holds()


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_worker_takes_whatever_comes_and_its_answers_can_be_sent(budget: int) -> None:
    @within(budget)
    @given(st.lists(PAYLOADS, max_size=12))
    def holds(payloads: list[bytes]) -> None:
        worker = WorkerState("w")
        for payload in payloads:
            try:
                message = unpack(payload)
            except WireError:
                continue
            for answer in worker.receive(message):
                assert unpack(pack(answer)) == answer
            pack(worker.heartbeat())
            pack(worker.stats())

    holds()


@pytest.mark.parametrize("budget", BUDGETS)
def test_an_outbox_loses_only_what_it_counts_and_old_heartbeats(budget: int) -> None:
    @within(budget)
    @given(st.lists(st.sampled_from(["heartbeat", "stats", "spawning", "take", "refuse"])))
    def holds(steps: list[str]) -> None:
        outbox, number, given_out, put = SlotFirst(bound=3), 0, [], []
        for step in steps:
            if step in ("take", "refuse"):
                if not put_back_or_keep(outbox, given_out, put, refuse=step == "refuse"):
                    continue
            else:
                number += 1
                put.append((step, number))
                outbox.put(Letter(Message(step, {"state": "ready", "n": number}, "w")))
        outbox.close()
        while (letter := outbox.take()) is not None:
            given_out.append((letter.message.type, letter.message.data["n"]))
        beats = [n for kind, n in given_out if kind == "heartbeat"]
        assert beats == sorted(beats)
        for kind, allowed in (("spawning", 0), ("stats", outbox.dropped)):
            sent = [n for found, n in given_out if found == kind]
            wanted = [n for found, n in put if found == kind]
            assert len(sent) == len(wanted) - allowed

    holds()


def put_back_or_keep(outbox: SlotFirst, given_out: list, put: list, *, refuse: bool) -> bool:
    """Take one letter, where there is one, and bring it back if it is refused."""
    if outbox._slot is None and not outbox._letters:
        return False
    letter = outbox.take()
    assert letter is not None
    if refuse:
        outbox.refused(letter)
    else:
        given_out.append((letter.message.type, letter.message.data["n"]))
    return True
