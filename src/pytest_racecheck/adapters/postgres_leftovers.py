"""The end of an execution: sessions that were left open are ended, and reach no later one."""

from __future__ import annotations

from typing import Any

from psycopg import pq

from pytest_racecheck.adapters.postgres_world import Session, World
from pytest_racecheck.adapters.zeromq_owner import site_of


def clear(world: World, failed: bool) -> tuple[str, ...]:
    """End what is still open or under way; what to say of it, unless the execution failed."""
    said = list(world.remarks)
    for session in world.sessions:
        connection = session.ref()
        if session.abandoned:
            session.observer.end([session.pid])
        elif session.made_here and not session.closed:
            said.append(f"{session.title}, opened at {site_of(session.created_at)}, was not closed")
            _end(session, connection)
        elif not session.made_here and session.in_transaction:
            said.append(f"{session.title} was left in a transaction")
            _roll_back(session, connection)
        if session.socket is not None:
            session.socket.close()
        if connection is not None and not connection.closed:
            connection.pgconn.notice_handler = session.heard_before
    world.begin()
    return () if failed else tuple(dict.fromkeys(said))


def _end(session: Session, connection: Any) -> None:
    if connection is not None and not connection.closed:
        connection._closed = True  # nobody is to be warned once more
        connection.pgconn.finish()
    session.observer.end([session.pid])


def _roll_back(session: Session, connection: Any) -> None:
    """Bring a connection that outlives the execution back to where the next one can use it."""
    pgconn = connection.pgconn
    if pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
        session.observer.cancel(session.pid)
        pgconn.nonblocking = 0
        while pgconn.get_result() is not None:
            pass
    pgconn.exec_(b"ROLLBACK")
    pgconn.nonblocking = 1
