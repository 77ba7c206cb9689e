"""Schedules: the list of choices of one execution, and its one-line text form.

``rc1:random:0.1x2.2x3.1:9f3ac2`` is: format version, the strategy that found it, task 0 once, task
1 twice, task 2 three times, task 1 once, and two check digits (hexadecimal) for every 16 choices.
Only points with a real choice are listed.  The text is data from strangers: parsed, never
evaluated.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pytest_racecheck.errors import UsageError

VERSION = "rc1"
CHECK_EVERY = 16
MAX_TEXT = 1_000_000
MAX_CHOICES = 5_000_000
_TEXT = re.compile(r"rc(\d{1,3}):([a-z_]{1,20}):([0-9x.]*):([0-9a-f]*)", re.ASCII)
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
        return f"{VERSION}:{self.strategy}:{body}:{self.checks}"

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
        if f"rc{version}" != VERSION:
            raise UsageError(
                f"replay text version rc{version} is not known here (this is {VERSION})"
            )
        choices = _choices(body)
        if len(checks) != 2 * -(-len(choices) // CHECK_EVERY):
            raise UsageError(
                f"the replay text is damaged: {len(choices)} choices need "
                f"{2 * -(-len(choices) // CHECK_EVERY)} check digits, found {len(checks)}"
            )
        return Schedule(strategy, choices, checks)


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
    check, digits = 0, []
    for made, (index, _, label) in enumerate(decisions, start=1):
        check = running_check(index, label, check)
        if made % CHECK_EVERY == 0 or made == len(decisions):
            digits.append(check_digits(check))
    return Schedule(strategy, tuple(index for index, _, _ in decisions), "".join(digits))
