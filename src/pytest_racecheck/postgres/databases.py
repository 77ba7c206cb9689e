"""Databases that are as new each time: one a process, cleared or cloned again for each use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.postgres import servers
from pytest_racecheck.postgres.launcher import TELLING
from pytest_racecheck.postgres.servers import PREFIX, Server, out_of_control

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

#: The name under which our own connections are seen in pg_stat_activity.
OUR_NAME = "racecheck"
_END_OTHERS = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'"
    f" and pid <> pg_backend_pid() and application_name <> '{OUR_NAME}'"
)
_CLEAR = "drop schema if exists public cascade; create schema public;"


@dataclass(eq=False, slots=True)
class Database:
    """A database of this process."""

    server: Server
    name: str
    template: str | None
    connection: PGconn | None = None

    @property
    def dsn(self) -> str:
        """What to connect with."""
        from psycopg.conninfo import make_conninfo

        return make_conninfo(self.server.dsn, dbname=self.name)

    def renew(self, sql: str) -> None:
        """End every other session, throw away what is there, and run ``sql``."""
        if self.template is not None:
            self._clone()
            if sql:
                self.execute(sql)
            return
        clear = _END_OTHERS.format(name=self.name) + "; " + _CLEAR
        if self.connection is None or not servers.is_open(self.connection):
            self._create()
            clear = ""
        if clear or sql:
            assert self.connection is not None
            servers.execute(self.connection, clear + sql, self.server)

    def connect(self, **options: Any) -> Any:
        """A psycopg connection; ``options`` are those of ``psycopg.connect``."""
        import psycopg

        return psycopg.connect(self.dsn, **options)

    def execute(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run statements outside all control, and commit; the rows of the last one, as text."""
        with out_of_control():
            connection = servers.connect(self.dsn, self.server)
            try:
                return servers.execute(connection, sql, self.server)
            finally:
                connection.finish()

    def _create(self) -> None:
        self.server.sweep()
        self.server.execute(f'create database "{self.name}"')
        tell_of_waits(self.server, self.name)
        self.connection = servers.connect(f"{self.dsn} application_name={OUR_NAME}", self.server)

    def _clone(self) -> None:
        self.server.execute(f'drop database if exists "{self.name}" with (force)')
        self.server.execute(f'create database "{self.name}" template "{self.template}"')
        tell_of_waits(self.server, self.name)


def tell_of_waits(server: Server, name: str) -> None:
    """Let the sessions of a database on somebody else's server hear of their lock waits."""
    if server.running is not None:
        return  # ours does so anyway
    for setting, value in TELLING.items():
        try:
            server.execute(f"alter database \"{name}\" set {setting} = '{value}'")
        except RacecheckError:
            return  # no superuser there: the adapter asks again and again, and says so


#: By the process, the server, and what they are cloned from.
_databases: dict[tuple[int, str, str], Database] = {}
_templates: dict[tuple[int, str], str] = {}


@contextmanager
def database(sql: str = "", *, base: str = "") -> Iterator[str]:
    """A database in which ``sql`` was run just now, and nothing else; gives its connection string.

    ``base`` is SQL that takes long (a large schema, an extension): it is run once, and cloned.
    Inside a body under control all of this is no operation: only what the body then does is one.
    Raises MissingDependency when there is no server here, RacecheckError when it refuses.
    """
    with opened(sql, base) as found:
        yield found.dsn


@contextmanager
def opened(sql: str = "", base: str = "", server: Server | None = None) -> Iterator[Database]:
    """The same, with what can be done to it; ``server`` when it is not the one of this process."""
    with out_of_control():
        found = _database(server or servers.server(), base)
        found.renew(sql)
    yield found


def _database(server: Server, base: str) -> Database:
    key = (os.getpid(), server.dsn, base)
    found = _databases.get(key)
    if found is None or found.server is not server:
        template = _template(server, base) if base else None
        mark = f"{PREFIX}{server.run}_{os.getpid()}_{len(_databases)}"
        found = _databases[key] = Database(server, mark, template)
    return found


def _template(server: Server, base: str) -> str:
    """The name of a database in which ``base`` was run once, and to which nobody connects."""
    key = (os.getpid(), base)
    if key not in _templates:
        mark = hashlib.sha256(base.encode()).hexdigest()[:8]
        name = f"{PREFIX}{server.run}_{os.getpid()}_base_{mark}"
        server.execute(f'create database "{name}"')
        connection = servers.connect(Database(server, name, None).dsn, server)
        try:
            servers.execute(connection, base, server)
        finally:
            connection.finish()
        _templates[key] = name
    return _templates[key]
