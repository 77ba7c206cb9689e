"""The 24 bytes on the wire: a command letter, the sender's number, a sequence number."""

from __future__ import annotations

import struct
from typing import Final

PING: Final = b"P"
EXIT: Final = b"X"

_LAYOUT: Final = struct.Struct("<c7xqq")


def pack(command: bytes, sender: int, sequence: int) -> bytes:
    """Encode one message: 24 bytes, little-endian."""
    return _LAYOUT.pack(command, sender, sequence)


def unpack(frame: bytes) -> tuple[bytes, int, int]:
    """Decode one message into (command, sender, sequence); ``struct.error`` if not 24 bytes."""
    command, sender, sequence = _LAYOUT.unpack(frame)
    return command, sender, sequence
