"""Which lookup of a method or global belongs to which call, by the depth of the stack."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from bytecode import Instr, Label

from pytest_racecheck.engine.call_gates import method_name

_PY = sys.version_info[:2]
#: instruction that calls -> values between the object of the method and the top, besides arguments.
_CALLS = {"PRECALL" if _PY < (3, 12) else "CALL": 0, "CALL_KW": 1}


class _Depth:
    """The depth of the stack at each instruction, going through them in their order.

    Behind a jump that is always taken it is known again at the next label that something jumps to.
    """

    def __init__(self) -> None:
        self.now: int | None = 0
        self._at: dict[int, int] = {}

    def at_label(self, label: Label) -> None:
        if self.now is None:
            self.now = self._at.get(id(label))

    def behind(self, item: Instr) -> None:
        if self.now is None:
            return
        if item.has_jump():
            self._at.setdefault(id(item.arg), self.now + item.stack_effect(jump=True))
        ends = item.is_final() or item.is_uncond_jump()
        self.now = None if ends else self.now + item.stack_effect(jump=False)


def argument_count(call: Instr) -> int:
    """How many arguments lie on the stack."""
    count = call.arg
    assert isinstance(count, int), "a call has a number of arguments"
    return count


def function_name(item: Instr) -> str | None:
    """The name when the instruction looks up a global function in order to call it."""
    if item.name == "LOAD_GLOBAL" and isinstance(item.arg, tuple) and item.arg[0]:
        return str(item.arg[1])
    return None


def _depth_at(item: object, depth: _Depth, waiting: list[tuple[int, int]]) -> int | None:
    """The depth before ``item``, if it is an instruction that is reached at a known one."""
    if isinstance(item, Label):
        depth.at_label(item)
    if depth.now is None:
        waiting.clear()
    return depth.now if isinstance(item, Instr) else None


def lookups_of_calls(items: Sequence[Any]) -> dict[int, int]:
    """From the place of each call to that of its method or global; in doubt it is left out."""
    found: dict[int, int] = {}
    waiting: list[tuple[int, int]] = []  # (place of the lookup, depth behind it)
    depth = _Depth()
    for at, item in enumerate(items):
        now = _depth_at(item, depth, waiting)
        if now is None:
            continue
        while waiting and waiting[-1][1] > now:
            waiting.pop()
        if item.name in _CALLS:
            below = now - _CALLS[item.name] - argument_count(item)
            if waiting and waiting[-1][1] == below:
                found[at] = waiting.pop()[0]
        depth.behind(item)
        if depth.now is not None and (method_name(item) or function_name(item)) is not None:
            waiting.append((at, depth.now))
    return found
