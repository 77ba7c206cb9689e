"""What is known when two threads met at calls that must not meet: both sides, and the object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any

MAX_CALLS = 12


@dataclass(frozen=True, slots=True)
class Side:
    """One thread: its name, what it was about to do, where, and its calls, innermost first."""

    thread: str
    call: str
    where: str
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """``first`` was held just before its call when ``second`` arrived at its own, same object.

    ``rule`` is the sentence that both together break.
    """

    object: str
    first: Side
    second: Side
    rule: str

    @property
    def sentence(self) -> str:
        """The meeting in one line."""
        one, other = self.first, self.second
        return (
            f"{one.thread} was at `{one.call}` ({one.where}) when {other.thread} came to "
            f"`{other.call}` ({other.where}), of the same {self.object}: {self.rule}"
        )

    def told(self) -> list[str]:
        """The sentence and both stacks."""
        return [self.sentence, *self.stacks()]

    def stacks(self) -> list[str]:
        """The calls of both threads."""
        lines = []
        for side in (self.first, self.second):
            lines.append(f"  {side.thread}, at `{side.call}`:")
            lines += [f"    {call}" for call in side.stack]
        return lines

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        sides = [{**asdict(s), "stack": list(s.stack)} for s in (self.first, self.second)]
        return {"object": self.object, "threads": sides, "rule": self.rule}


#: Tells of a source file whether its calls are left out of a stack.
LeftOut = Callable[[str], bool]


def stack_from(frame: FrameType | None, left_out: LeftOut) -> tuple[str, ...]:
    """The calls around ``frame`` as "file.py:12 in f", the innermost first."""
    calls: list[str] = []
    while frame is not None and len(calls) < MAX_CALLS:
        code = frame.f_code
        if not left_out(code.co_filename):
            name = code.co_filename.rpartition("/")[2]
            calls.append(f"{name}:{frame.f_lineno} in {code.co_qualname}")
        frame = frame.f_back
    return tuple(calls)
