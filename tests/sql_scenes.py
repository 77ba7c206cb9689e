"""Small programs of two SQL sessions, whose every statement's outcome is written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

SETUP = """
drop table if exists child, account, job;
create table account (id int primary key, value int not null);
insert into account values (1, 10), (2, 10);
create table child (id int primary key, parent int references account);
create table job (id int primary key, taken_by int);
insert into job values (1, null), (2, null)
"""
CLEAR = """
truncate account, child, job;
insert into account values (1, 10), (2, 10);
insert into job values (1, null), (2, null)
"""

#: What each session got, statement by statement: rows, what the server said, or an SQLSTATE.
Seen = tuple[list[object], list[object]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Two sessions, each a list of statements; ``level`` is their isolation level."""

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    level: str = "read committed"


READ_ONE = "select value from account where id = 1"
READ_BOTH = "select id, value from account order by id"
ADD_ONE = "update account set value = value + 1 where id = 1"
ADD_TWO = "update account set value = value + 1 where id = 2"
TAKE = (
    "update job set taken_by = pg_backend_pid() where id = (select id from job where taken_by is "
    "null order by id for update skip locked limit 1) returning id"
)

SCENES = (
    Scene("lost update", (READ_ONE, ADD_ONE, "commit"), (READ_ONE, ADD_ONE, "commit")),
    Scene("row lock", (f"{READ_ONE} for update", ADD_ONE, "commit"), (ADD_ONE, READ_ONE, "commit")),
    Scene("crossed updates", (ADD_ONE, ADD_TWO, "commit"), (ADD_TWO, ADD_ONE, "commit")),
    Scene(
        "share locks",
        (f"{READ_ONE} for share", ADD_ONE, "commit"),
        (f"{READ_ONE} for share", ADD_ONE, "commit"),
    ),
    Scene(
        "unique key",
        ("insert into account values (3, 1)", READ_BOTH, "commit"),
        ("insert into account values (3, 2)", READ_BOTH, "rollback"),
    ),
    Scene(
        "foreign key",
        ("insert into child values (1, 1)", READ_BOTH, "commit"),
        ("delete from account where id = 1", READ_BOTH, "rollback"),
    ),
    Scene("queue", (TAKE, READ_BOTH, "commit"), (TAKE, READ_BOTH, "commit")),
    Scene(
        "advisory locks",
        ("select pg_advisory_xact_lock(1)", "select pg_advisory_xact_lock(2)", "commit"),
        ("select pg_advisory_xact_lock(2)", "select pg_advisory_xact_lock(1)", "commit"),
    ),
    Scene(
        "no wait",
        (f"{READ_ONE} for update nowait", READ_BOTH, "commit"),
        (ADD_ONE, READ_BOTH, "commit"),
    ),
    Scene(
        "table lock",
        ("lock table account in share mode", ADD_ONE, "commit"),
        (ADD_TWO, READ_BOTH, "commit"),
    ),
    Scene(
        "update conflict",
        (READ_ONE, ADD_ONE, "commit"),
        (READ_BOTH, ADD_ONE, "commit"),
        "repeatable read",
    ),
    Scene(
        "write skew", (READ_BOTH, ADD_ONE, "commit"), (READ_BOTH, ADD_TWO, "commit"), "serializable"
    ),
)


def play(scene: Scene, connections: Sequence[Any], seen: Seen) -> None:
    """Run the two sessions in a thread each; ``seen`` gets the outcomes of each."""

    def session(number: int, statements: tuple[str, ...]) -> None:
        connection = connections[number]
        connection.execute(f"begin isolation level {scene.level}")
        for statement in statements:
            seen[number].append(outcome_of(connection, statement))

    threads = [
        threading.Thread(target=session, args=(number, statements))
        for number, statements in enumerate((scene.first, scene.second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def outcome_of(connection: Any, statement: str) -> object:
    """The rows, "ok", or the SQLSTATE of the error."""
    try:
        done = connection.execute(statement)
        return done.fetchall() if done.description else done.statusmessage
    except psycopg.Error as error:
        return error.sqlstate


@contextmanager
def body_of(scene: Scene, dsn: str, kept: list[Seen]) -> Iterator[Callable[[], None]]:
    """A body with two connections that outlive it; ``kept`` gets what each execution saw."""
    connections = [psycopg.connect(dsn, autocommit=True) for _ in range(2)]
    clear = psycopg.pq.PGconn.connect(dsn.encode())

    def body() -> None:
        done = clear.exec_(CLEAR.encode())
        assert done.status == psycopg.pq.ExecStatus.COMMAND_OK, done.error_message
        seen: Seen = ([], [])
        kept.append(seen)
        play(scene, connections, seen)

    yield body
    clear.finish()
    for connection in connections:
        connection.close()
