"""Processes that are frozen and thawed, or killed: the peer that is there and does not answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.errors import Misplaced
from pytest_racecheck.faults.injection import Injection, is_number
from pytest_racecheck.faults.until_the_end import UntilTheEnd
from pytest_racecheck.faults.waiting import pause

_STOPS_WITHIN_S = 2.0


def pid_of(process: Any) -> int:
    """Of a number, or of an object with a ``pid``; Misplaced for what must not be signalled."""
    found = process() if callable(process) else process
    pid = getattr(found, "pid", found)
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 1:
        raise Misplaced(f"process {found!r:.60}: expected a pid above 1, or an object that has one")
    if pid == os.getpid():
        raise Misplaced("process: that is this process itself, which could not go on")
    return pid


def send(pid: int, number: int) -> None:
    """Send a signal; raises Misplaced when there is no such process, or it is another user's."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise Misplaced(f"process {pid}: there is none of this number; it has ended") from None
    except PermissionError:
        raise Misplaced(f"process {pid}: it belongs to somebody else") from None


class Frozen(UntilTheEnd):
    """A process that was stopped; it goes on at ``thaw()`` or at the end of ``with``."""

    def __init__(self, process: Any) -> None:
        self.pid = pid_of(process)
        self._frozen = True
        send(self.pid, signal.SIGSTOP)
        self._wait_until_it_stands()

    def disarm(self, *, complain: bool = True) -> None:
        """As an injection is: whatever happens, the process goes on."""
        self.thaw()

    def thaw(self) -> None:
        """Let it go on; a second time, and of a process that is gone, nothing."""
        if self._frozen:
            self._frozen = False
            try:
                os.kill(self.pid, signal.SIGCONT)
            except ProcessLookupError:
                return

    def _wait_until_it_stands(self) -> None:
        """The signal is under way for a moment; then no thread of the process moves."""
        end_s = real_monotonic_s() + _STOPS_WITHIN_S
        while real_monotonic_s() < end_s and state_of(self.pid) not in ("T", "t", "Z", "X", None):
            real_sleep_s(0.0005)


def state_of(pid: int) -> str | None:
    """The letter of /proc (T: stopped); None where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[0]


class _AtPlace(Injection):
    """Does something to a process whenever the place is reached."""

    def __init__(self, where: str, what: str, do: Callable[[], None], **options: Any) -> None:
        self.what, self._do = what, do
        super().__init__(where, **options)

    def act(self) -> None:
        """Do it."""
        self._do()


def freeze(
    process: Any, s: float | None = None, *, where: str | None = None, **options: Any
) -> Any:
    """Stop a process (SIGSTOP), as a machine that hangs would; it goes on (SIGCONT) later.

    ``process`` is a pid, an object with a ``pid`` (Popen, multiprocessing.Process), or a function
    that returns one of them.  Without ``s``: returns a ``Frozen``, whose ``thaw()``, or the end of
    its ``with``, lets it go on.  With ``s``: the caller waits so many seconds of its clock, then
    the process goes on.  With ``where`` that happens whenever the place is reached (``s`` is
    needed).  Raises Misplaced for this process itself, and for one that is not there.
    """
    if s is not None and not (is_number(s) and s >= 0):
        raise Misplaced(f"s={s!r:.40}: expected seconds, 0 or more")
    if where is not None:
        if s is None:
            raise Misplaced(f"freeze at {where!r:.60}: say for how long, as in s=0.5")
        return _AtPlace(where, f"freeze for {s:g} s", lambda: _freeze_for(process, s), **options)
    if s is None:
        return Frozen(process)
    _freeze_for(process, s)
    return None


def _freeze_for(process: Any, s: float) -> None:
    with Frozen(process) as frozen:
        pause(s, f"{s:g} s (process {frozen.pid} is frozen)")


def kill(
    process: Any, number: int = signal.SIGKILL, *, where: str | None = None, **options: Any
) -> Any:
    """Send ``number`` to a process, now, or the first time that ``where`` is reached.

    ``process`` as for ``freeze``.  Raises Misplaced for this process itself, and for one that is
    not there.
    """
    if where is None:
        send(pid_of(process), number)
        return None
    options.setdefault("times", 1)
    name = signal.Signals(number).name
    return _AtPlace(where, f"kill with {name}", lambda: send(pid_of(process), number), **options)
