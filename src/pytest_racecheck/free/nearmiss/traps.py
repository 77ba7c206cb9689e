"""A thread that is held just before a call, and wakes when another one comes to the same object."""

from __future__ import annotations

import _thread
from dataclasses import dataclass, field
from typing import Any

from pytest_racecheck.free.nearmiss.contracts import Effect
from pytest_racecheck.free.nearmiss.pairs import Pair
from pytest_racecheck.free.nearmiss.site import Site


def _closed() -> Any:
    # The lock of `threading` may be replaced by who controls threads; this one never is.
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class Trap:
    """One thread before one call; it has ``target`` in hand, so its identity is certain."""

    thread: int
    name: str
    site: Site
    target: object
    effect: Effect
    part: Any
    informed: bool
    pair: Pair
    stack: tuple[str, ...]
    began_s: float
    delay_s: float
    ended_s: float = 0.0
    met: bool = False
    released: bool = False
    _gate: Any = field(default_factory=_closed)

    def hold(self) -> None:
        """Wait in the calling thread until somebody comes, or the delay is over."""
        self._gate.acquire(True, self.delay_s)

    def release(self) -> None:
        """Somebody came: let the held thread go at once."""
        if not self.released:
            self.released = True
            self._gate.release()
