"""Transactions with a policy of retries and of errors, the sound ones and the unsound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from pytest_racecheck.errors import RacecheckError

T = TypeVar("T")
#: Serialisation failure, deadlock, lock not available, and the error that follows any other.
RETRIED = ("40001", "40P01", "55P03", "25P02")
RETRIES = ("none", "statement", "whole")
ON_ERROR = ("propagate", "swallow", "savepoint")
_BACK_OFF_S = 0.1


class SilentRollback(Exception):
    """COMMIT of an aborted transaction: the server rolled back and called it no error."""


def verify_commit(connection: Any) -> None:
    """Commit; raises SilentRollback when the server's answer is ROLLBACK.

    psycopg's ``commit()`` drops that answer, so the statement is sent as such.
    """
    import psycopg

    if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        return
    said = connection.execute("commit").statusmessage
    if said != "COMMIT":
        raise SilentRollback(f"the answer to COMMIT was {said}; do the whole transaction again")


def attempt(
    connection: Any, statement: str, values: Any = None, *, on_error: str = "propagate"
) -> list[tuple[Any, ...]] | None:
    """The rows of a statement; None when it failed and ``on_error`` is not ``propagate``.

    ``swallow`` leaves the transaction aborted; ``savepoint`` goes back to before the statement.
    """
    import psycopg

    _refuse_unknown(ON_ERROR, on_error, "on_error")
    try:
        if on_error == "savepoint":
            with connection.transaction():
                return _rows(connection, statement, values)
        return _rows(connection, statement, values)
    except psycopg.Error:
        if on_error == "propagate":
            raise
        return None


def run_tx(
    connection: Any,
    work: Callable[[Any], T],
    *,
    retry: str = "whole",
    attempts: int = 3,
    verify: bool = True,
) -> T:
    """Run ``work(connection)`` and commit; ``verify=False`` is psycopg's own commit.

    ``whole`` rolls back and does everything again, ``statement`` calls ``work`` again inside the
    transaction as it is.  Raises the last psycopg.Error or SilentRollback.
    """
    import psycopg

    _refuse_unknown(RETRIES, retry, "retry")
    for number in range(1, attempts + 1):
        try:
            result = work(connection)
            verify_commit(connection) if verify else connection.commit()
        except (psycopg.Error, SilentRollback) as error:
            again = getattr(error, "sqlstate", "25P02") in RETRIED and number < attempts
            if retry == "none" or not again:
                connection.rollback()
                raise
            if retry == "whole":
                connection.rollback()
            time.sleep(_BACK_OFF_S * number)
        else:
            return result
    raise AssertionError("unreachable: the last attempt raises or returns")


def _rows(connection: Any, statement: str, values: Any) -> list[tuple[Any, ...]]:
    done = connection.execute(statement, values)
    return done.fetchall() if done.description else []


def _refuse_unknown(known: tuple[str, ...], name: str, what: str) -> None:
    if name not in known:
        raise RacecheckError(f"{what}={name!r} is none of {', '.join(known)}")
