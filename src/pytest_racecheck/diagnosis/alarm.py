"""Says why a child process has to be ended: it shows no sign of life, or makes no progress."""

from __future__ import annotations

import time
from collections.abc import Callable

#: How long native code may keep the interpreter, beyond the patience.
_BEAT_GRACE_S = 1.0
#: How long one execution may take without a choice, beyond the budget and in patiences.
_GRACE_S, _GRACE_PATIENCES = 10.0, 10


class Alarm:
    """``signs`` gives what changes while the child lives, and what changes while it gets on."""

    def __init__(
        self,
        signs: Callable[[], tuple[object, object]],
        patience_s: float,
        seconds: float,
        grace_s: float = _BEAT_GRACE_S,
    ) -> None:
        self._signs = signs
        self._silence_s = patience_s + grace_s
        self._standstill_s = seconds + _GRACE_S + _GRACE_PATIENCES * patience_s
        self._seen: tuple[object, object] = (None, None)
        self._since = [time.monotonic()] * 2

    def __call__(self) -> str | None:
        """Why it has to be ended now; None while it need not."""
        now = time.monotonic()
        signs = self._signs()
        for n in range(2):
            if signs[n] != self._seen[n]:
                self._since[n] = now
        self._seen = signs
        if now - self._since[0] > self._silence_s:
            return (
                f"native code kept the interpreter lock for {self._silence_s:.1f} s, "
                "so that no other thread could run"
            )
        if now - self._since[1] > self._standstill_s:
            return f"the execution made no choice and did not end in {self._standstill_s:.0f} s"
        return None
