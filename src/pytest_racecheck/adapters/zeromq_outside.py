"""Native calls that may block are made in a thread of their own, which is not under control."""

from __future__ import annotations

from collections.abc import Callable

from pytest_racecheck.engine import carrier, clock

_PAUSE_S = 30e-6


class Errand:
    """One call in a thread of its own; ``done`` once it has come back, whatever came of it."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.done = False
        self.error: BaseException | None = None
        self._call: Callable[[], object] | None = call
        carrier._raw_start(self._run, ())

    def wait(self, patience_s: float, until: Callable[[], bool] | None = None) -> bool:
        """Wait in real time until it is done (or ``until()``); False when patience ran out."""
        end_s = clock.real_monotonic_s() + patience_s
        while not (self.done or (until is not None and until())):
            if clock.real_monotonic_s() > end_s:
                return False
            clock.real_sleep_s(_PAUSE_S)
        return True

    def result(self) -> None:
        """Raise what the call raised, if it did."""
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        call, self._call = self._call, None
        assert call is not None
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - handed to the one who waits for it
            self.error = error
        self.done = True
