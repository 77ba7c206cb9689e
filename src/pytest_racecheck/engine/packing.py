"""Choices as a short text: what a schedule of many alike tasks repeats is written once.

Each choice becomes a symbol that says how it follows from those before: the same task again, the
next task that has not moved yet, the next one by birth, or another one by number.  Schedules of a
hundred alike tasks are periodic in these symbols, so that deflate finds the period.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator, Sequence

from pytest_racecheck.errors import UsageError

_SAME, _NEW, _NEXT, _FIRST_LITERAL = 0, 1, 2, 3
MAX_TASK = 999_999


def pack(choices: Sequence[int]) -> str:
    """A text of letters, digits, "-" and "_"."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeezer.compress(bytes(_numbers(_symbols(choices)))) + squeezer.flush()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unpack(text: str, most: int) -> tuple[int, ...]:
    """What ``pack`` packed; raises UsageError when it is damaged or has more than ``most``."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        opener = zlib.decompressobj(-15)
        plain = opener.decompress(data, 4 * most)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise UsageError(f"the replay text is damaged: {error}") from None
    if opener.unconsumed_tail:
        raise UsageError(f"the replay text asks for more than {most} choices")
    if not opener.eof or opener.unused_data:
        raise UsageError("the replay text is damaged: it was cut off, or something follows it")
    return _choices(plain, most)


def _symbols(choices: Iterable[int]) -> Iterator[int]:
    last, highest = 0, 0
    for index in choices:
        if index == last:
            yield _SAME
        elif index == highest + 1:
            yield _NEW
        elif index == last + 1:
            yield _NEXT
        else:
            yield index + _FIRST_LITERAL
        last, highest = index, max(highest, index)


def _numbers(symbols: Iterable[int]) -> Iterator[int]:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    for symbol in symbols:
        while symbol > 0x7F:
            yield symbol & 0x7F | 0x80
            symbol >>= 7
        yield symbol


def _choices(plain: bytes, most: int) -> tuple[int, ...]:
    choices: list[int] = []
    last = highest = symbol = shift = 0
    for byte in plain:
        symbol |= (byte & 0x7F) << shift
        shift += 7
        if byte & 0x80 and shift < 28:
            continue
        follows = {_SAME: last, _NEW: highest + 1, _NEXT: last + 1}
        last = follows.get(symbol, symbol - _FIRST_LITERAL)
        if last > MAX_TASK or len(choices) == most:
            raise UsageError(f"the replay text asks for more than {most} choices, or task {last}")
        highest = max(highest, last)
        choices.append(last)
        symbol = shift = 0
    if shift:
        raise UsageError("the replay text is damaged: it was cut off")
    return tuple(choices)
