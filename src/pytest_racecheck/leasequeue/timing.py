"""Where the time of a pop went: separate timers, and the remainder that none of them explains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

PARTS = ("connection", "lease", "polling", "query", "formatting")


class Timing:
    """Seconds a part, since it was made; parts do not overlap."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._total_s: float | None = None
        self.parts_s = dict.fromkeys(PARTS, 0.0)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is done here counts as that part; KeyError for a name that is none of PARTS."""
        before = self.parts_s[name]
        began_s = time.monotonic()
        try:
            yield
        finally:
            self.parts_s[name] = before + time.monotonic() - began_s

    def stop(self) -> None:
        """The pop is over."""
        self._total_s = time.monotonic() - self._began_s

    @property
    def total_s(self) -> float:
        """From the making to ``stop``, or to now."""
        return time.monotonic() - self._began_s if self._total_s is None else self._total_s

    @property
    def unaccounted_s(self) -> float:
        """What no part explains."""
        return self.total_s - sum(self.parts_s.values())

    @property
    def unaccounted_share(self) -> float:
        """The same as a share of the total, 0 to 1."""
        return self.unaccounted_s / self.total_s if self.total_s else 0.0
