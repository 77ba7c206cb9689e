"""Messages on the wire: 24 bytes, whatever is in them."""

from __future__ import annotations

import struct

import pytest

from pytest_racecheck.signalling.message import EXIT, PING, pack, unpack


@pytest.mark.parametrize("message", [(PING, 1, 1), (EXIT, 0, 0), (PING, -1, 2**62)])
def test_a_message_is_24_bytes_and_comes_back_as_it_was(message: tuple[bytes, int, int]) -> None:
    frame = pack(*message)
    assert len(frame) == 24
    assert unpack(frame) == message


def test_the_numbers_are_little_endian() -> None:
    assert pack(PING, 1, 2) == b"P" + bytes(7) + b"\1" + bytes(7) + b"\2" + bytes(7)


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(struct.error):
        unpack(b"P")
