"""Choices as a very short text: each is guessed from those before, and only surprises cost bits.

Binary arithmetic coding (Rissanen, Langdon, IBM Journal 1979) with counts for each context.  All
is done in whole numbers, so that a text means the same on every machine.  Where ``packing.py`` has
to see a pattern twice before it costs less, a hundred alike tasks in turn cost a few bits here.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence

from pytest_racecheck.engine.packing import MAX_TASK
from pytest_racecheck.errors import UsageError

#: Every choice is guessed one bit after the other; longer schedules are packed.
MAX_SQUEEZED = 5_000
#: Bits of the greatest number of a task, and of the number of choices.
_BITS = 20
_TOP, _BOTTOM = 1 << 32, 1 << 24
#: What was seen once weighs this much more than what was not: most schedules repeat themselves.
_SURE = 16
_LONGEST_RUN = 40

#: Codes one bit in the first of these contexts that is known; returns the bit.
_Coder = Callable[[int, Sequence[object]], int]


def squeeze(choices: Sequence[int]) -> str:
    """A text of letters, digits, "-" and "_"."""
    encoder = _Encoder()
    _number(encoder.code, "made", len(choices))
    _walk(encoder.code, choices, len(choices))
    data = _digest(choices) + encoder.finish()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def loosen(text: str) -> tuple[int, ...]:
    """What ``squeeze`` squeezed; raises UsageError when it is damaged, or has too many choices."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"the replay text is damaged: {error}") from None
    decoder = _Decoder(data[2:])
    made = _number(decoder.code, "made", 0)
    if made > MAX_SQUEEZED:
        raise UsageError(f"the replay text asks for more than {MAX_SQUEEZED} choices")
    choices = _walk(decoder.code, None, made)
    if max(choices, default=0) > MAX_TASK:
        raise UsageError(f"the replay text asks for a task beyond {MAX_TASK}")
    if _digest(choices) != data[:2] or squeeze(choices) != text:
        raise UsageError("the replay text is damaged: it was cut off, or changed")
    return choices


def _digest(choices: Sequence[int]) -> bytes:
    return (zlib.crc32(",".join(map(str, choices)).encode()) & 0xFFFF).to_bytes(2, "big")


# --- what comes next -------------------------------------------------------------------------


def _walk(code: _Coder, given: Sequence[int] | None, made: int) -> tuple[int, ...]:
    """Code the ``given`` choices, or without them what the bits say."""
    choices: list[int] = []
    last, before, run, runs, kinds = 0, 0, 0, (0, 0), (0, 0)
    moved = {0}
    oldest = 1
    for at in range(made):
        wanted = last if given is None else given[at]
        same = code(wanted == last, (("s", run, *runs), ("s", run, runs[1]), ("s", run)))
        if same:
            run = min(run + 1, _LONGEST_RUN)
        else:
            likely = (0, last + 1, before + 1, before, oldest)
            kind = likely.index(wanted) if wanted in likely else len(likely)
            kind = _one_of(code, len(likely), -1 if given is None else kind, kinds)
            index = likely[kind] if kind < len(likely) else _number(code, "task", wanted)
            runs, kinds = (runs[1], run), (kinds[1], kind)
            before, last, run = last, index, 1
            moved.add(index)
            while oldest in moved:
                oldest += 1
        choices.append(last)
    return tuple(choices)


def _one_of(code: _Coder, most: int, wanted: int, kinds: tuple[int, int]) -> int:
    for kind in range(most):
        if code(wanted == kind, (("k", kind, *kinds), ("k", kind, kinds[1]), ("k", kind))):
            return kind
    return most


def _number(code: _Coder, name: str, value: int) -> int:
    """How many bits it has, and then the bits."""
    bits = 0
    while bits < _BITS and code(value.bit_length() > bits, ((name, bits),)):
        bits += 1
    found = 0
    for bit in reversed(range(bits)):
        top = bit == bits - 1  # is always one
        found = 2 * found + (1 if top else code(value >> bit & 1, ((name, bits, found),)))
    return found


# --- bits ------------------------------------------------------------------------------------


class _Counts:
    """How often a bit was one in each context, and what follows for the next one."""

    def __init__(self) -> None:
        self._seen: dict[object, list[int]] = {}

    def chance(self, contexts: Sequence[object]) -> int:
        """Of a one, in 65536ths."""
        for context in contexts:
            seen = self._seen.get(context)
            if seen is not None:
                zeros, ones = seen
                chance = ((_SURE * ones + 1) << 16) // (_SURE * (zeros + ones) + 2)
                return min(max(chance, 32), 65536 - 32)
        return 32768

    def add(self, contexts: Sequence[object], bit: int) -> None:
        """One more has been seen."""
        for context in contexts:
            self._seen.setdefault(context, [0, 0])[bit] += 1


class _Encoder:
    """Bits to bytes."""

    def __init__(self) -> None:
        self._counts = _Counts()
        self._low, self._range, self._bits = 0, _TOP, 32

    def code(self, bit: int, contexts: Sequence[object]) -> int:
        """One bit."""
        bit = int(bit)
        bound = (self._range >> 16) * self._counts.chance(contexts)
        self._counts.add(contexts, bit)
        if bit:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
        while self._range < _BOTTOM:
            self._range <<= 8
            self._low <<= 8
            self._bits += 8
        return bit

    def finish(self) -> bytes:
        """The shortest bytes that mean what was coded; zeros are thought behind them."""
        for zeros in range(self._bits, -1, -8):
            value = -(-self._low >> zeros) << zeros
            if value < self._low + self._range:
                return (value >> zeros).to_bytes((self._bits - zeros) // 8, "big")
        raise AssertionError("a value of all the bits is always within the range")


class _Decoder:
    """Bytes to bits."""

    def __init__(self, data: bytes) -> None:
        self._counts = _Counts()
        self._data, self._at = data, 4
        self._code = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
        self._range = _TOP

    def code(self, _: int, contexts: Sequence[object]) -> int:
        """The next bit."""
        bound = (self._range >> 16) * self._counts.chance(contexts)
        bit = int(self._code < bound)
        self._counts.add(contexts, bit)
        if bit:
            self._range = bound
        else:
            self._code -= bound
            self._range -= bound
        while self._range < _BOTTOM:
            following = self._data[self._at] if self._at < len(self._data) else 0
            self._code = self._code << 8 | following
            self._range <<= 8
            self._at += 1
        return bit
