"""When a notification has been delivered: the listening session's process sleeps again.

PostgreSQL wakes the listeners before a COMMIT is answered, and one that was woken is runnable at
once; so when its process is asleep again, what it had to send was sent.  That can be seen of a
server on this machine only; of another one, a wait for a notification is a wait for the outside.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s

_LIMIT_S = 0.5
_LOOKS = 2
_PAUSE_S = 30e-6
_OTHERS = (
    "select count(*) from pg_stat_activity where datname = current_database() and pid <> all "
    "(array[{ours}]::int[]) and backend_type = 'client backend' and application_name <> 'racecheck'"
)


def may_come_from_outside(world: Any, session: Any) -> bool:
    """Whether somebody who is not under control may send what ``session`` waits for."""
    if not _is_here(session.pid):
        return True
    ours = ",".join(str(one.pid) for one in world.sessions)
    return bool(session.observer.value(_OTHERS.format(ours=ours)) != "0")


def settle(sessions: Iterable[Any]) -> bool:
    """Wait until the processes of sessions that listen are asleep; False when one is not."""
    return all(_asleep(session.pid) for session in sessions)


def _asleep(pid: int) -> bool:
    end_s = real_monotonic_s() + _LIMIT_S
    calm = 0
    while calm < _LOOKS:
        state = _state(pid)
        if state in ("", "S"):
            calm += 1
            continue
        calm = 0
        if real_monotonic_s() > end_s:
            return False
        real_sleep_s(_PAUSE_S)
    return True


def _is_here(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as name:
            return name.read().strip().startswith(("postgres", "postmaster"))
    except OSError:
        return False


def _state(pid: int) -> str:
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 512).rpartition(b")")[2].split()[0].decode()
    except OSError:
        return ""
    finally:
        os.close(descriptor)
