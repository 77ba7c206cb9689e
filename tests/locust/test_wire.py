"""The codec: what Locust sends is read, and everything else is refused with one sentence."""

from __future__ import annotations

import pytest

pytest.importorskip("msgpack")

import msgpack

from pytest_racecheck.locust.wire import MAX_BYTES, Message, WireError, pack, unpack

GOOD = [
    Message("client_ready", -1, "w"),
    Message("client_ready", "2.47.0", "w"),
    Message(
        "client_ready", None, "w"
    ),  # a worker older than 2.0: the master says so, not the codec
    Message("ack", {"index": 0}, "w"),
    Message("heartbeat", None, "w"),
    Message("heartbeat", {"state": "running", "current_cpu_usage": 1.5}, "w"),
    Message("stats", {"num_reqs_per_sec": {1_700_000_000: 3}}, "w"),
    Message("spawn", {"timestamp": 1.5, "user_classes_count": {"User": 3}}, "w"),
    Message("spawning_complete", {"user_count": 3}, "w"),
    Message("of our own", ["anything", b"at all"], "w"),
]


@pytest.mark.parametrize("message", GOOD, ids=lambda message: f"{message.type} {message.data}"[:40])
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert unpack(pack(message)) == message


def raw(*values: object) -> bytes:
    return msgpack.packb(values)


BAD = {
    "nothing": (b"", "0 bytes are not one MessagePack value"),
    "truncated": (pack(GOOD[3])[:-1], "are not one MessagePack value"),
    "a byte too many": (pack(GOOD[3]) + b"!", "are not one MessagePack value"),
    "reserved byte": (b"\xc1", "are not one MessagePack value"),
    "no text": (msgpack.packb(["heartbeat", None, b"\xff\xfe"], use_bin_type=False), "MessagePack"),
    "key that is no key": (b"\x93\xa1a\x81\x90\x01\xa1w", "MessagePack"),
    "deeply nested": (b"\x91" * 100_000 + b"\xc0", "MessagePack"),
    "too large": (b"\xc0" * (MAX_BYTES + 1), f"{MAX_BYTES} at most"),
    "a map": (msgpack.packb({"type": "heartbeat"}), "got dict of 1"),
    "two members": (raw("heartbeat", None), "got list of 2"),
    "four members": (raw("heartbeat", None, "w", 1), "got list of 4"),
    "type is a number": (raw(7, None, "w"), "the type of a message is a text, got int"),
    "type is empty": (raw("", None, "w"), "the type of a message is a text"),
    "node id is missing": (raw("heartbeat", None, None), "node id of 'heartbeat' is a text"),
    "data of the wrong kind": (raw("stats", [1], "w"), "data of 'stats' cannot be list of 1"),
    "data is a truth": (raw("client_ready", True, "w"), "data of 'client_ready' cannot be bool"),
    "member of the wrong kind": (raw("heartbeat", {"state": 3}, "w"), "'state' in the data of"),
    "member is missing": (raw("ack", {}, "w"), "'index' in the data of 'ack' cannot be NoneType"),
    "no number": (raw("spawn", {"timestamp": float("nan"), "user_classes_count": {}}, "w"), "nan"),
    "less than no users": (
        raw("spawning_complete", {"user_count": 0, "user_classes_count": {"User": -1}}, "w"),
        "whole numbers from 0",
    ),
    "counts that are none": (raw("stats", {"user_classes_count": 3}, "w"), "cannot be int"),
}


@pytest.mark.parametrize(("payload", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_is_no_message_is_refused_with_one_sentence(payload: bytes, sentence: str) -> None:
    with pytest.raises(WireError) as refused:
        unpack(payload)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "message",
    [
        Message("stats", {"x": object()}, "w"),
        Message("stats", {"x": 2**70}, "w"),
        Message("stats", {"x": "\ud800"}, "w"),
        Message("stats", {"x": b"x" * (MAX_BYTES + 1)}, "w"),
        Message("heartbeat", {"no": "state"}, "w"),
    ],
    ids=["an object", "a huge number", "half a character", "too large", "incomplete"],
)
def test_what_cannot_be_a_payload_is_refused_before_it_is_sent(message: Message) -> None:
    with pytest.raises(WireError):
        pack(message)
