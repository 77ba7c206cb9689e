"""Asks the server what its sessions do: one connection of our own for each server.

It is below all control, and sees what ``pg_blocking_pids`` and ``pg_stat_activity`` show.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import pq

from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.errors import RacecheckError

#: How we are called in pg_stat_activity.
OUR_NAME = "racecheck"
_ASK = b"""
select p, a.state, a.wait_event_type, a.wait_event, pg_blocking_pids(p)
from unnest($1::int[]) p left join lateral pg_stat_get_activity(p) a on true
"""
_WAITS = b"""
select l.mode, l.locktype, coalesce(l.relation::regclass::text, l.transactionid::text,
    l.classid || ' ' || l.objid), l.classid, l.objid, l.objsubid
from pg_locks l where l.pid = $1 and not l.granted
"""
_NAME = b"racecheck_ask"
_END = b"select pg_terminate_backend(p, 2000) from unnest($1::int[]) p"
_CANCEL = b"select pg_cancel_backend($1::int)"
_GONE_PATIENCE_S = 2.0
_LOOK_S = 50e-6


@dataclass(frozen=True, slots=True)
class Seen:
    """How one session was seen: what it does, and the process ids of those that block it."""

    state: str  # "" when there is no such session any more
    waits: str  # what for, such as "Lock transactionid"; "" when it does not
    blockers: tuple[int, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it has answered everything that it was asked."""
        return self.state != "active" or self.waits == "Client ClientRead"


class Observer:
    """The connection to one server; made at the first question, again when it was cut."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Any = None
        self._pid = 0

    def ask(self, pids: Iterable[int]) -> dict[int, Seen]:
        """What the sessions with these process ids do now."""
        wanted = b"{" + ",".join(map(str, pids)).encode() + b"}"
        rows = self.rows(_ASK, wanted, prepared=True)
        return {
            int(row[0] or 0): Seen(
                row[1] or "",
                f"{row[2]} {row[3]}" if row[2] else "",
                tuple(int(pid) for pid in (row[4] or "{}")[1:-1].split(",") if pid),
            )
            for row in rows
        }

    def lock_awaited(self, pid: int) -> str:
        """Mode and object of the lock for which a session waits, in words; "" when for none."""
        found = self.rows(_WAITS, str(pid).encode())
        if not found:
            return ""
        mode, kind, what = found[0][:3]
        return f"{mode} on {kind} {what}".rstrip()

    def end(self, pids: Iterable[int]) -> None:
        """Terminate sessions, and wait until they are gone."""
        self.rows(_END, b"{" + ",".join(map(str, pids)).encode() + b"}")

    def cancel(self, pid: int) -> None:
        """Cancel the statement of a session."""
        self.rows(_CANCEL, str(pid).encode())

    def wait_until_gone(self, pid: int) -> bool:
        """Wait until the process of a session that was closed has ended; False when it has not."""
        end_s = real_monotonic_s() + _GONE_PATIENCE_S
        while self.ask([pid])[pid].state:
            if real_monotonic_s() > end_s:
                return False
            real_sleep_s(_LOOK_S)
        return True

    def value(self, query: str) -> str:
        """The first column of the first row, "" when there is none."""
        rows = self.rows(query.encode())
        return (rows[0][0] or "") if rows else ""

    def close(self) -> None:
        """Close the connection, in the process that made it."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.finish()
        self._connection = None

    def rows(
        self, query: bytes, *params: bytes, prepared: bool = False
    ) -> list[tuple[str | None, ...]]:
        """The rows that the server gives for a query of ours; asked again when it had cut us off.

        Raises RacecheckError.
        """
        done = self._sent(query, params, prepared)
        if done.status == pq.ExecStatus.FATAL_ERROR and not self._is_open():
            done = self._sent(query, params, prepared)  # our database was made anew
        if done.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            said = " ".join(done.error_message.decode(errors="replace").split())
            raise RacecheckError(f"PostgreSQL could not be asked about its sessions: {said}")
        return [
            tuple(
                None if value is None else value.decode(errors="replace")
                for value in (done.get_value(row, column) for column in range(done.nfields))
            )
            for row in range(done.ntuples)
        ]

    def _sent(self, query: bytes, params: tuple[bytes, ...], prepared: bool) -> Any:
        connection = self._open()
        if prepared:
            return connection.exec_prepared(_NAME, list(params))
        return connection.exec_params(query, list(params))

    def _is_open(self) -> bool:
        connection = self._connection
        return connection is not None and connection.status == pq.ConnStatus.OK

    def _open(self) -> Any:
        if self._is_open() and self._pid == os.getpid():
            return self._connection
        made = pq.PGconn.connect(self._conninfo.encode())
        if made.status != pq.ConnStatus.OK:
            said = " ".join(made.error_message.decode(errors="replace").split())
            raise RacecheckError(
                f"PostgreSQL cannot be asked about its sessions: {said}; racecheck needs one "
                "connection of its own"
            )
        made.prepare(_NAME, _ASK)
        self._connection, self._pid = made, os.getpid()
        return made


def in_a_cycle(pid: int, blockers: Mapping[int, Iterable[int]]) -> bool:
    """Whether a session waits, perhaps through others, for itself."""
    seen: set[int] = set()
    ahead = list(blockers.get(pid, ()))
    while ahead:
        one = ahead.pop()
        if one == pid:
            return True
        if one not in seen:
            seen.add(one)
            ahead.extend(blockers.get(one, ()))
    return False
