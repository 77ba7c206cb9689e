"""What a statement touches, so that the strategies do not permute statements that commute.

Of each table there are two sides.  Its *locks*: who writes or locks a row before whom; they are let
go at the end of the transaction.  And what of it is *visible*: that changes when somebody commits,
and is read by every statement (READ COMMITTED) or by a transaction's first one (a snapshot).
Sources: the documentation of PostgreSQL, chapters "Transaction Isolation" and "Explicit Locking".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import pq

from pytest_racecheck.adapters.postgres_observer import Observer
from pytest_racecheck.adapters.postgres_reading import Reading, read, value_of
from pytest_racecheck.adapters.postgres_statements import (
    BEGIN,
    COMMIT,
    EXECUTE,
    FETCH,
    GOES_ON,
    LISTEN,
    ROLLBACK,
    SAVEPOINT,
    Statement,
)
from pytest_racecheck.engine.dependence import READ, WAIT, WHOLE, WRITE, Touch, Touches

_FACTS = b"""
select n, coalesce(c.relkind::text, ''),
    (c.relhasrules or c.relhassubclass or c.relispartition or c.relrowsecurity or exists (
        select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal))::text,
    array_to_string(array(select case when k.conrelid = c.oid then k.confrelid else k.conrelid end
        ::regclass::text from pg_constraint k
        where k.contype = 'f' and c.oid in (k.conrelid, k.confrelid)), ','),
    coalesce((select a.attname from pg_index i join pg_attribute a
        on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = c.oid and i.indisprimary and i.indnkeyatts = 1), ''),
    (select count(*) from pg_index i where i.indrelid = c.oid
        and (i.indisunique or i.indisexclusion))::text
from unnest($1::text[]) n left join pg_class c on c.oid = to_regclass(n)
"""
_OWN_FUNCTIONS = b"""
select distinct p.proname from pg_proc p
where p.pronamespace <> 'pg_catalog'::regnamespace and p.proname = any($1::text[])
"""
#: A statement that touches no more than its session and the database as a whole: nobody can notice.
UNNOTICED = 2
#: Built-in functions that reach beyond the tables that the statement names.
_FAR = ("pg_terminate", "pg_cancel", "lo_", "nextval", "setval", "query_to_", "table_to_")
_ADVISORY = ("pg_advisory_", "pg_try_advisory_")


@dataclass(eq=False, slots=True, weakref_slot=True)
class Thing:
    """Something of the server that statements touch, the same for all sessions."""

    __racecheck_name__: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalogue says about a table."""

    plain: bool  # an ordinary table, which does nothing by itself when it is written
    related: tuple[str, ...]  # by foreign keys, either way
    key: str  # the column that is its primary key; "" when there is none, or several
    others: bool  # it has further unique indexes


@dataclass(eq=False, slots=True)
class Transaction:
    """What a session has touched since its transaction began."""

    written: list[tuple[str, object]] = field(default_factory=list)  # table, key
    locked: list[tuple[str, object, str]] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    snapshot: bool = False
    everything: bool = False
    level: str = ""


class Catalogue:
    """The things of one execution, and what is known of tables for as long as control lasts."""

    def __init__(self) -> None:
        self._facts: dict[tuple[Observer, str], Facts] = {}
        self._own: dict[tuple[Observer, str], bool] = {}
        self._levels: dict[Observer, str] = {}
        self._things: dict[str, Thing] = {}

    def begin(self) -> None:
        """A new execution: nothing was touched."""
        self._things = {}

    def forget(self) -> None:
        """Tables may have changed."""
        self._facts.clear()
        self._own.clear()

    def thing(self, name: str) -> Thing:
        """The thing with this name."""
        found = self._things.get(name)
        if found is None:
            found = self._things[name] = Thing(name)
        return found

    def facts(self, observer: Observer, table: str) -> Facts:
        """What the server's catalogue says about a table."""
        known = self._facts.get((observer, table))
        if known is None:
            row = observer.rows(_FACTS, _array([table]))[0]
            related = tuple(name for name in (row[3] or "").split(",") if name)
            known = self._facts[observer, table] = Facts(
                row[1] == "r" and row[2] == "false", related, row[4] or "", int(row[5] or 0) > 1
            )
        return known

    def has_own_code(self, observer: Observer, functions: tuple[str, ...]) -> bool:
        """Whether one of the functions is not PostgreSQL's own, so that it may do anything."""
        unknown = [name for name in functions if (observer, name) not in self._own]
        if unknown:
            plain = [name.rpartition(".")[2] for name in unknown]
            own = {row[0] for row in observer.rows(_OWN_FUNCTIONS, _array(plain))}
            for name in unknown:
                self._own[observer, name] = name.rpartition(".")[2] in own
        return any(self._own[observer, name] or name.startswith(_FAR) for name in functions)

    def default_level(self, observer: Observer) -> str:
        """The isolation level of a transaction that names none."""
        if observer not in self._levels:
            self._levels[observer] = observer.value(
                "select current_setting('default_transaction_isolation')"
            )
        return self._levels[observer]


def _array(names: list[str]) -> bytes:
    quoted = ('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names)
    return ("{" + ",".join(quoted) + "}").encode()


# --- the footprint of an operation ---------------------------------------------------------------


def footprint(catalogue: Catalogue, session: Any, statement: Statement) -> Touches:
    """What ``statement`` touches on ``session``, before it is performed; takes it into account."""
    transaction: Transaction = session.transaction
    if not session.in_transaction:
        transaction = session.transaction = Transaction()
    found: list[Touch] = [(session, WHOLE, WRITE)]
    kind = statement.kind
    if kind in (BEGIN, SAVEPOINT, GOES_ON):
        _learn_level(catalogue, session, statement)
    elif kind in (COMMIT, ROLLBACK) or kind == "close":
        found += _end(catalogue, session, transaction, kind == COMMIT)
    elif kind == LISTEN:
        found.append((catalogue.thing("notifications"), WHOLE, READ))
    else:
        found += _statement(catalogue, session, transaction, statement)
    database = catalogue.thing("database")
    found.append((database, WHOLE, WRITE if transaction.everything else READ))
    return found


def _learn_level(catalogue: Catalogue, session: Any, statement: Statement) -> None:
    text = " ".join(statement.text.lower().split())
    level = next((one for one in ("serializable", "repeatable read") if one in text), "")
    if "read committed" in text:
        level = "read committed"
    connection = session.ref()
    asked = getattr(connection, "isolation_level", None)
    if not level and asked is not None:
        level = asked.name.lower().replace("_", " ")
    if level or not session.transaction.level:
        session.transaction.level = level or catalogue.default_level(session.observer)


def _statement(
    catalogue: Catalogue, session: Any, transaction: Transaction, statement: Statement
) -> Touches:
    if not transaction.level:
        _learn_level(catalogue, session, Statement(BEGIN, ""))
    reading = read(statement.text)
    if statement.kind == FETCH or "isolation" in statement.text.lower():
        _learn_level(catalogue, session, statement)
    if not reading.understood or catalogue.has_own_code(session.observer, reading.functions):
        transaction.everything = True
        if statement.text.lstrip().lower().startswith(("create", "alter", "drop", "do")):
            catalogue.forget()
        return []
    found = _of_tables(catalogue, session, transaction, reading, statement)
    found += _of_functions(catalogue, transaction, reading, statement)
    if reading.channel:
        transaction.channels.append(reading.channel)
    if _ends_at_once(session, statement):
        found += _end(catalogue, session, transaction, True)
    return found


def _ends_at_once(session: Any, statement: Statement) -> bool:
    connection = session.ref()
    idle = connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
    return bool(connection.autocommit and idle and statement.kind == EXECUTE)


def _of_tables(
    catalogue: Catalogue,
    session: Any,
    transaction: Transaction,
    reading: Reading,
    statement: Statement,
) -> Touches:
    found: list[Touch] = []
    snapshot = transaction.level != "read committed"
    for table in reading.tables:
        if table.startswith("pg_"):
            continue  # the server's own tables, which only statements change that touch everything
        facts = catalogue.facts(session.observer, table)
        if not facts.plain:
            transaction.everything = True
            return []
        written = reading.writes and (not reading.target or table == reading.target)
        key = _row(facts, reading, statement) if len(reading.tables) == 1 else WHOLE
        if written and (facts.others or facts.key in reading.sets or "*" in reading.sets):
            key = WHOLE
        if written or reading.locks:
            kind = READ if reading.locks == "share" and not written else WRITE
            transaction.locked.append((table, key, kind))
            found.append((catalogue.thing(f"locks of {table}"), key, kind))
            found += _written(catalogue, transaction, facts, table, key) if written else []
        if not (snapshot and transaction.snapshot):
            found.append((catalogue.thing(f"what is visible of {table}"), key, READ))
        if transaction.level == "serializable":
            mode = WRITE if written else READ
            found.append((catalogue.thing(f"conflicts on {table}"), key, mode))
    return found + _of_snapshot(catalogue, transaction, snapshot)


def _written(
    catalogue: Catalogue, transaction: Transaction, facts: Facts, table: str, key: object
) -> Touches:
    """A write looks after the foreign keys: it locks rows of the other tables."""
    transaction.written.append((table, key))
    transaction.locked += [(other, WHOLE, WRITE) for other in facts.related]
    return [(catalogue.thing(f"locks of {other}"), WHOLE, WRITE) for other in facts.related]


def _of_snapshot(catalogue: Catalogue, transaction: Transaction, snapshot: bool) -> Touches:
    found: list[Touch] = []
    if snapshot and not transaction.snapshot:
        transaction.snapshot = True
        found.append((catalogue.thing("snapshots"), WHOLE, READ))
    if transaction.level == "serializable":
        found.append((catalogue.thing("conflicts"), WHOLE, READ))
    return found


def _row(facts: Facts, reading: Reading, statement: Statement) -> object:
    """The key of the one row that the statement can touch; WHOLE when that is not known."""
    for column, constant, number in reading.equals:
        if facts.key and column.rpartition(".")[2] == facts.key:
            value = value_of(constant, number, statement.params)
            if value is not None:
                return ("row", value)
    return WHOLE


def _of_functions(
    catalogue: Catalogue, transaction: Transaction, reading: Reading, statement: Statement
) -> Touches:
    found: list[Touch] = []
    for name in reading.functions:
        if name.startswith(_ADVISORY):
            values = [
                value_of(text, at if text.startswith("%") else -1, statement.params)
                for at, text in enumerate(reading.arguments)
            ]
            key = WHOLE if None in values or len(reading.functions) > 1 else ("key", *values)
            found.append((catalogue.thing("advisory locks"), key, WRITE))
            transaction.locked.append(("", key, WRITE))
        elif name == "pg_notify":
            transaction.channels.append("*")
    return found


def _end(catalogue: Catalogue, session: Any, transaction: Transaction, commits: bool) -> Touches:
    found: list[Touch] = []
    for table, key, kind in transaction.locked:
        name = f"locks of {table}" if table else "advisory locks"
        found.append((catalogue.thing(name), key, kind))
    if session.keeps_locks:
        found.append((catalogue.thing("advisory locks"), WHOLE, WRITE))
    if commits:
        found += [
            (catalogue.thing(f"what is visible of {table}"), key, WRITE)
            for table, key in transaction.written
        ]
        if transaction.written:
            found.append((catalogue.thing("snapshots"), WHOLE, WRITE))
        if transaction.channels:
            found.append((catalogue.thing("notifications"), WHOLE, WRITE))
    if transaction.level == "serializable":
        found.append((catalogue.thing("conflicts"), WHOLE, WRITE))
    return list(dict.fromkeys(found))


def while_waiting(found: Touches) -> Touches:
    """The same for the rest of a statement that had to wait for a lock."""
    return [(thing, key, WAIT if kind == WRITE else kind) for thing, key, kind in found]
