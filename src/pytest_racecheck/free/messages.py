"""Length-prefixed JSON: the only language parent, fork server and child speak with each other."""

from __future__ import annotations

import json
import os
from typing import Any

PREFIX_BYTES = 4
LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024


class MalformedMessage(Exception):
    """The other side sent bytes that are no message (cut off, or another writer's)."""


def pack(message: dict[str, Any]) -> bytes:
    """The message as bytes: four bytes of length, big-endian, then UTF-8 JSON.

    Raises MalformedMessage when the message is larger than `LARGEST_MESSAGE_BYTES`.
    """
    body = json.dumps(message, ensure_ascii=True).encode("ascii")
    if len(body) > LARGEST_MESSAGE_BYTES:
        raise MalformedMessage(f"a message of {len(body)} bytes is over {LARGEST_MESSAGE_BYTES}")
    return len(body).to_bytes(PREFIX_BYTES, "big") + body


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however small the pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class MessageReader:
    """Puts messages together from whatever pieces arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages completed by `data`, in order. Raises MalformedMessage."""
        self._buffer += data
        messages: list[dict[str, Any]] = []
        while (message := self._take()) is not None:
            messages.append(message)
        return messages

    def _take(self) -> dict[str, Any] | None:
        if len(self._buffer) < PREFIX_BYTES:
            return None
        length = int.from_bytes(self._buffer[:PREFIX_BYTES], "big")
        if length > LARGEST_MESSAGE_BYTES:
            raise MalformedMessage(f"a length of {length} bytes was announced")
        end = PREFIX_BYTES + length
        if len(self._buffer) < end:
            return None
        try:
            message = json.loads(self._buffer[PREFIX_BYTES:end])
        except ValueError as problem:
            raise MalformedMessage(str(problem)) from problem
        del self._buffer[:end]
        if not isinstance(message, dict):
            raise MalformedMessage(f"a {type(message).__name__} arrived where an object belongs")
        return message
