"""What one run in a child process ended in: ok, failure, hang or crash, and what it said."""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Ending(StrEnum):
    """How a child run ended."""

    OK = "ok"
    FAILURE = "failure"
    HANG = "hang"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class ChildFailure:
    """The first exception that escaped in the child, in its main thread or another one."""

    type: str
    message: str
    where: str
    task: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run in a child process.

    `value` is what the called function returned (JSON), `failure` is set for `Ending.FAILURE`,
    `stacks` is faulthandler's text (hangs and crashes), `signal` names the signal that ended the
    child, `exit_status` is its status when it left on its own without a result.
    """

    ending: Ending
    seconds: float
    value: Any = None
    failure: ChildFailure | None = None
    stacks: str = ""
    signal: str | None = None
    exit_status: int | None = None
    stdout: str = ""
    stderr: str = ""
    left_over: tuple[str, ...] = ()

    def describe(self) -> str:
        """The ending in one sentence."""
        return _SENTENCES[self.ending](self)


def _describe_failure(outcome: Outcome) -> str:
    failure = outcome.failure
    if failure is None:
        return "it failed without saying why"
    return f"{failure.type}: {failure.message} ({failure.where})"


def _describe_crash(outcome: Outcome) -> str:
    if outcome.signal is not None:
        said = last_line(outcome.stderr)
        return f"the process died of {outcome.signal}" + (f": {said}" if said else "")
    return f"the process left with status {outcome.exit_status} and no result"


_SENTENCES = {
    Ending.OK: lambda outcome: f"it ended in {outcome.seconds:.2f} s",
    Ending.FAILURE: _describe_failure,
    Ending.HANG: lambda outcome: f"it was still running after {outcome.seconds:.1f} s",
    Ending.CRASH: _describe_crash,
}


def last_line(text: str) -> str:
    """The last line of `text` that is not blank, or the empty string."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def signal_name(number: int) -> str:
    """Such as "SIGABRT" for 6; real-time signals get their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class CappedText:
    """Keeps the first and the last part of a stream, so that 1 GB of prints costs 128 kB."""

    def __init__(self, head_bytes: int = 65_536, tail_bytes: int = 65_536) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._limits = (head_bytes, tail_bytes)
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        room = self._limits[0] - len(self._head)
        self._head += data[:room]
        rest = data[room:]
        if rest:
            self._tail.append(rest)
            self._tail_bytes += len(rest)
        while self._tail_bytes > self._limits[1] and self._tail:
            self._trim()

    def _trim(self) -> None:
        first = self._tail.popleft()
        surplus = min(len(first), self._tail_bytes - self._limits[1])
        if surplus < len(first):
            self._tail.appendleft(first[surplus:])
        self._tail_bytes -= surplus
        self._left_out += surplus

    def __bool__(self) -> bool:
        return bool(self._head)

    def text(self) -> str:
        """What was kept, invalid UTF-8 replaced, with a note where something was left out."""
        head = bytes(self._head).decode("utf-8", "replace")
        tail = b"".join(self._tail).decode("utf-8", "replace")
        note = f"\n... {self._left_out} bytes left out ...\n" if self._left_out else ""
        return head + note + tail
