"""What a psycopg call is about to do, read from its generator before that has begun.

psycopg performs every round trip by a generator that ``Connection.wait`` runs.  Its name and its
arguments say what will be sent; nothing of it is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getgeneratorlocals, isgenerator
from typing import Any

from psycopg import pq, sql

#: Labels of operations.
EXECUTE, BEGIN, COMMIT, ROLLBACK = "execute", "begin transaction", "commit", "roll back"
SAVEPOINT, FETCH, COPY, LISTEN = "savepoint", "fetch", "copy", "wait for a notification"
#: A further step of an operation that was a scheduling point already.
GOES_ON = ""

_LONGEST = 200
_CONTROL = re.compile(
    r"\s*(?:(begin|start\s+transaction)|(commit|end)|(rollback|abort)(?!\s+(?:work\s+|transaction\s+)?to\b)"
    r"|(savepoint|release|rollback))\b",
    re.IGNORECASE,
)
_KINDS = (BEGIN, COMMIT, ROLLBACK, SAVEPOINT)


@dataclass(frozen=True, slots=True)
class Statement:
    """``kind`` is one of the labels above; ``text`` is the SQL with its placeholders."""

    kind: str
    text: str
    params: Any = None

    @property
    def shown(self) -> str:
        """The SQL on one line, with its parameters, for a report."""
        text = " ".join(self.text.split())
        if self.params:
            text = f"{text} {self.params!r}"
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


NOTHING = Statement(EXECUTE, "")

Read = Callable[[Any, dict[str, Any]], Statement]


def describe(connection: Any, generator: Any) -> Statement:
    """The statement that ``generator``, not begun yet, will perform on ``connection``."""
    name = getattr(generator, "__qualname__", "").rpartition(".")[2]
    local = getgeneratorlocals(generator) if isgenerator(generator) else {}
    owner = getattr(generator, "__qualname__", "").rpartition(".")[0]
    if owner == "Transaction":
        return _of_block(connection, name, local)
    read = _BY_NAME.get(name)
    return Statement(EXECUTE, name) if read is None else read(connection, local)


def of_text(connection: Any, query: Any, params: Any = None) -> Statement:
    """The statement that SQL stands for; ``query`` as psycopg takes it."""
    text = _plain(connection, query)
    found = _CONTROL.match(text)
    kind = _KINDS[next(at for at, one in enumerate(found.groups()) if one)] if found else EXECUTE
    return Statement(kind, text, params)


def _plain(connection: Any, query: Any) -> str:
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    if isinstance(query, sql.Composable):
        return query.as_string(connection)
    return str(query)


def _executed(connection: Any, local: dict[str, Any]) -> Statement:
    return of_text(connection, local.get("query", ""), local.get("params"))


def _executed_often(connection: Any, local: dict[str, Any]) -> Statement:
    return Statement(EXECUTE, _plain(connection, local.get("query", "")), "many")


def _copied(connection: Any, local: dict[str, Any]) -> Statement:
    return Statement(COPY, _plain(connection, local.get("statement", "copy")))


def _declared(connection: Any, local: dict[str, Any]) -> Statement:
    return Statement(EXECUTE, _plain(connection, local.get("query", "")), local.get("params"))


def _fetched(_: Any, local: dict[str, Any]) -> Statement:
    cursor = local.get("self")
    named = getattr(cursor, "name", None)
    if named is not None:
        return Statement(FETCH, f"fetch from {named}")
    return Statement(EXECUTE, "pipeline: results")


def _fixed(kind: str, text: str) -> Read:
    return lambda _, __: Statement(kind, text)


def _of_block(connection: Any, name: str, local: dict[str, Any]) -> Statement:
    """``with connection.transaction()``: its beginning, or one of its ends."""
    block = local.get("self")
    savepoint = getattr(block, "_savepoint_name", "")
    if name == "_enter_gen":
        outer = connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
        return Statement(BEGIN, "BEGIN") if outer else Statement(SAVEPOINT, "SAVEPOINT")
    outer = bool(getattr(block, "_outer_transaction", not savepoint))
    undone = local.get("exc_type") is not None or getattr(block, "force_rollback", False)
    if not outer:
        return Statement(SAVEPOINT, "ROLLBACK TO SAVEPOINT" if undone else "RELEASE SAVEPOINT")
    return Statement(ROLLBACK, "ROLLBACK") if undone else Statement(COMMIT, "COMMIT")


_BY_NAME: dict[str, Read] = {
    "_execute_gen": _executed,
    "_executemany_gen_pipeline": _executed_often,
    "_executemany_gen_no_pipeline": _executed_often,
    "_stream_send_gen": _executed,
    "_stream_fetchone_gen": _fixed(GOES_ON, "stream"),
    "_start_copy_gen": _copied,
    "copy_to": _fixed(GOES_ON, "copy"),
    "copy_from": _fixed(GOES_ON, "copy"),
    "copy_end": _fixed(COPY, "end of copy"),
    "_read_gen": _fixed(GOES_ON, "copy"),
    "_read_row_gen": _fixed(GOES_ON, "copy"),
    "_end_copy_out_gen": _fixed(GOES_ON, "copy"),
    "_declare_gen": _declared,
    "_fetch_gen": _fetched,
    "_scroll_gen": _fixed(FETCH, "move"),
    "_close_gen": _fixed(GOES_ON, "close cursor"),
    "_commit_gen": _fixed(COMMIT, "COMMIT"),
    "_rollback_gen": _fixed(ROLLBACK, "ROLLBACK"),
    "_tpc_begin_gen": _fixed(BEGIN, "BEGIN"),
    "_tpc_prepare_gen": _fixed(COMMIT, "PREPARE TRANSACTION"),
    "_tpc_finish_gen": _fixed(COMMIT, "COMMIT or ROLLBACK PREPARED"),
    "_sync_gen": _fixed(EXECUTE, "pipeline: sync"),
    "notifies": _fixed(LISTEN, "LISTEN"),
}
