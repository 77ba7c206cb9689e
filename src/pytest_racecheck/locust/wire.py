"""The wire protocol: a message is one MessagePack array of type, data and node id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgpack

#: A message of statistics has some ten thousand bytes; what is larger than this is no message.
MAX_BYTES: Final = 4 * 1024 * 1024
PYTHON_VERSION_CHECK_OFF: Final = -1  # what a `client_ready` says that is not Locust's own worker

# What `data` may be, by type. Other types are custom messages, and their data is their own affair.
_DATA: Final[Mapping[str, tuple[type, ...]]] = {
    "client_ready": (str, int, type(None)),
    "ack": (dict,),
    "spawn": (dict,),
    "spawning": (dict, type(None)),
    "spawning_complete": (dict, type(None)),
    "heartbeat": (dict, type(None)),
    "stats": (dict,),
    "logs": (dict,),
    "exception": (dict,),
    "client_stopped": (dict, type(None)),
    "stop": (dict, type(None)),
    "quit": (dict, type(None)),
    "reconnect": (dict, type(None)),
}
# Members that somebody relies on, where `data` is a map: all of them, or the message is refused.
_MEMBERS: Final[Mapping[str, Mapping[str, type | tuple[type, ...]]]] = {
    "ack": {"index": int},
    "spawn": {"timestamp": (int, float), "user_classes_count": dict},
    "heartbeat": {"state": str},
    "spawning_complete": {"user_count": int},
}

KNOWN: Final = frozenset(_DATA)
MOST_USERS: Final = 2**31 - 1


class WireError(ValueError):
    """A payload that is no message, or a message that cannot be a payload; says what is wrong."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `node_id` is the worker's id, whoever sends it."""

    type: str
    data: Any
    node_id: str


def pack(message: Message) -> bytes:
    """Encode; raises WireError when `data` cannot be encoded or the payload is over MAX_BYTES."""
    _check(message.type, message.data, message.node_id)
    try:
        payload: bytes = msgpack.packb((message.type, message.data, message.node_id))
    except (TypeError, ValueError, OverflowError, RecursionError) as problem:
        raise WireError(f"{message.type!r} cannot be encoded: {problem}") from problem
    _check_size(payload)
    return payload


def unpack(payload: bytes) -> Message:
    """Decode; raises WireError for everything that is not exactly one well-formed message."""
    _check_size(payload)
    try:
        # Response times are keys of a map in `stats`, so keys may be numbers.
        decoded = msgpack.unpackb(payload, strict_map_key=False)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as problem:
        why = str(problem) or type(problem).__name__
        raise WireError(f"{len(payload)} bytes are not one MessagePack value: {why}") from problem
    if not isinstance(decoded, list) or len(decoded) != 3:
        raise WireError(f"expected an array of type, data and node id, got {_kind(decoded)}")
    kind, data, node_id = decoded
    _check(kind, data, node_id)
    return Message(kind, data, node_id)


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_BYTES:
        raise WireError(f"{len(payload)} bytes are too many for a message: {MAX_BYTES} at most")


def _check(kind: object, data: object, node_id: object) -> None:
    if not isinstance(kind, str) or not kind:
        raise WireError(f"the type of a message is a text, got {_kind(kind)}")
    if not isinstance(node_id, str):
        raise WireError(f"the node id of {kind!r} is a text, got {_kind(node_id)}")
    allowed = _DATA.get(kind)
    if allowed is not None and (not isinstance(data, allowed) or isinstance(data, bool)):
        raise WireError(f"the data of {kind!r} cannot be {_kind(data)}")
    if isinstance(data, dict) and kind in KNOWN:
        _check_members(kind, data)


def _check_members(kind: str, data: Mapping[Any, Any]) -> None:
    for name, wanted in _MEMBERS.get(kind, {}).items():
        found = data.get(name)
        if not isinstance(found, wanted) or isinstance(found, bool):
            raise WireError(f"{name!r} in the data of {kind!r} cannot be {_kind(found)}")
        if isinstance(found, float) and not math.isfinite(found):
            raise WireError(f"{name!r} in the data of {kind!r} cannot be {found}")
    _check_counts(kind, data.get("user_classes_count", {}))


def _check_counts(kind: str, counts: object) -> None:
    """Users by class: both sides add them up."""
    if not isinstance(counts, dict):
        raise WireError(f"'user_classes_count' of {kind!r} cannot be {_kind(counts)}")
    for name, count in counts.items():
        if not isinstance(name, str) or type(count) is not int or not 0 <= count <= MOST_USERS:
            raise WireError(
                f"'user_classes_count' of {kind!r} has {_kind(name)} and {_kind(count)}, expected "
                f"texts and whole numbers from 0 to {MOST_USERS}"
            )


def _kind(value: object) -> str:
    size = f" of {len(value)}" if isinstance(value, list | dict) else ""
    return f"{type(value).__name__}{size}"
