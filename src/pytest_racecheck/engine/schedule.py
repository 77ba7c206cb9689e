"""Schedules: the list of choices of one execution, and its one-line text form.

``rc1:random:0.1x2.2x3.1:9f3ac2`` is: format version, the strategy that found it, task 0 once, task
1 twice, task 2 three times, task 1 once, and two check digits (hexadecimal) for every 16 choices.
Only points with a real choice are listed.  ``rc2:`` and ``rc3:`` are the same with the choices
packed (``packing.py``) or squeezed (``squeezing.py``), used where an ``rc1:`` would be long: the
shortest is written, each is read.  The text is data from strangers: parsed, never evaluated.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pytest_racecheck.engine.packing import MAX_TASK, pack, unpack
from pytest_racecheck.engine.squeezing import MAX_SQUEEZED, loosen, squeeze
from pytest_racecheck.errors import UsageError

VERSION, PACKED, SQUEEZED = "rc1", "rc2", "rc3"
CHECK_EVERY = 16
#: A long schedule has no more blocks than this, so that its digits do not outgrow its choices.
MAX_BLOCKS = 16
#: An ``rc1`` text is for people as well; one that is longer than this is for machines only.
READABLE = 100
MAX_TEXT = 1_000_000
MAX_CHOICES = 5_000_000
MAX_PACKED = 1_000_000  # they are unpacked one by one
_TEXT = re.compile(r"rc(\d{1,3}):([a-z_]{1,20}):([\w.-]*):([0-9a-f]*)", re.ASCII)
_RUN = re.compile(r"(\d{1,6})(?:x(\d{1,7}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The choices of one execution: task indexes by birth, and check digits over the operations."""

    strategy: str
    choices: tuple[int, ...]
    checks: str

    def text(self) -> str:
        """Return the one-line form."""
        runs = ((index, len(list(run))) for index, run in groupby(self.choices))
        body = ".".join(f"{index}x{n}" if n > 1 else str(index) for index, n in runs)
        plain = f"{VERSION}:{self.strategy}:{body}:{self.checks}"
        if len(plain) <= READABLE or len(self.choices) > MAX_PACKED:
            return plain
        bodies = {PACKED: pack(self.choices)}
        if len(self.choices) <= MAX_SQUEEZED and max(self.choices) <= MAX_TASK:
            bodies[SQUEEZED] = squeeze(self.choices)
        texts = [f"{version}:{self.strategy}:{it}:{self.checks}" for version, it in bodies.items()]
        return min(plain, *texts, key=len)

    @property
    def check_every(self) -> int:
        """How many choices each two check digits stand for; older texts have more of them."""
        made = len(self.choices)
        return CHECK_EVERY if len(self.checks) == _digits(made, CHECK_EVERY) else _block(made)

    @staticmethod
    def parse(text: str) -> Schedule:
        """Read the one-line form; raises UsageError with one sentence when it is not one."""
        if not isinstance(text, str):
            raise UsageError(f"a replay text was expected, got {type(text).__name__}")
        text = text.strip()
        if len(text) > MAX_TEXT:
            raise UsageError(
                f"the replay text has {len(text)} characters; at most {MAX_TEXT} are read"
            )
        match = _TEXT.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text[:60]!r} is not a replay text: expected "
                f"{VERSION}:<strategy>:<runs like 0.1x2>:<check digits>, as a report prints it"
            )
        version, strategy, body, checks = match.groups()
        choices = _read(f"rc{version}", body)
        due = _digits(len(choices), _block(len(choices)))
        if len(checks) not in (due, _digits(len(choices), CHECK_EVERY)):
            raise UsageError(
                f"the replay text is damaged: {len(choices)} choices need "
                f"{due} check digits, found {len(checks)}"
            )
        return Schedule(strategy, choices, checks)


def _read(version: str, body: str) -> tuple[int, ...]:
    if version == VERSION:
        return _choices(body)
    if version == PACKED:
        return unpack(body, MAX_PACKED)
    if version == SQUEEZED:
        return loosen(body)
    raise UsageError(
        f"replay text version {version} is not known here (known: {VERSION}, {PACKED}, {SQUEEZED})"
    )


def _choices(body: str) -> tuple[int, ...]:
    choices: list[int] = []
    for run in body.split(".") if body else ():
        match = _RUN.fullmatch(run)
        if match is None:
            raise UsageError(
                f"the replay text is damaged at {run[:40]!r}: expected a number or 1x2"
            )
        choices.extend([int(match[1])] * _bounded(int(match[2] or 1), len(choices)))
    return tuple(choices)


def _block(made: int) -> int:
    """How many choices a pair of check digits stands for in a schedule of ``made``."""
    return max(CHECK_EVERY, -(-made // MAX_BLOCKS))


def _digits(made: int, every: int) -> int:
    return 2 * -(-made // every)


def _bounded(count: int, before: int) -> int:
    if count < 1 or before + count > MAX_CHOICES:
        raise UsageError(f"the replay text asks for more than {MAX_CHOICES} choices, or for none")
    return count


def running_check(index: int, label: str, check: int) -> int:
    """Fold one more choice (task index and its operation) into the running checksum."""
    return zlib.crc32(f"{index} {label}".encode(), check)


def check_digits(check: int) -> str:
    """Two hexadecimal digits of a running checksum."""
    return f"{check & 0xFF:02x}"


def record(strategy: str, decisions: Sequence[tuple[int, int, str]]) -> Schedule:
    """Make the schedule of an execution from its decisions (task index, options, operation)."""
    check, digits, every = 0, [], _block(len(decisions))
    for made, (index, _, label) in enumerate(decisions, start=1):
        check = running_check(index, label, check)
        if made % every == 0 or made == len(decisions):
            digits.append(check_digits(check))
    return Schedule(strategy, tuple(index for index, _, _ in decisions), "".join(digits))
