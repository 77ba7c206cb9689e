"""The server that this process uses: the one that it was told of, or one that it starts."""

from __future__ import annotations

import atexit
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.errors import MissingDependency, RacecheckError
from pytest_racecheck.postgres.binaries import ENABLE, Binaries, find
from pytest_racecheck.postgres.launcher import Running, launch

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

#: How to reach a server that is there already; a process that started one tells its children so.
DSN_VARIABLE = "RACECHECK_POSTGRES"
#: Every database of ours begins with this, and goes on with a mark of the run that made it.
PREFIX = "racecheck_"


@dataclass(eq=False, slots=True)
class Server:
    """A server to work with; ``running`` is None when somebody else started it."""

    dsn: str
    running: Running | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _admins: dict[int, PGconn] = field(default_factory=dict)

    def execute(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run statements as the administrator, outside all control; the rows of the last one.

        Raises RacecheckError when the server is gone or refuses.
        """
        admin = self._admins.get(os.getpid())
        if admin is None or not is_open(admin):
            self._admins.clear()  # a forked process must not use its parent's
            admin = self._admins[os.getpid()] = connect(self.dsn, self)
        return execute(admin, sql, self)

    def why_gone(self) -> str:
        """What is known of the end of a server of ours; empty when it is not ours, or runs."""
        if self.running is None:
            return ""
        words = self.running.last_words()
        return f"; the server said: {words}" if words else ""

    def close(self) -> None:
        """Drop what we made there, and stop the server if it is ours."""
        mine = self._admins.pop(os.getpid(), None)
        if self.running is not None:
            self.running.stop()
        if mine is not None:
            mine.finish()


_known: dict[int, Server] = {}  # by process


def server(version: str | None = None) -> Server:
    """The server of this process, started now if need be; ``version`` such as "16" for that one.

    Raises MissingDependency when there is none here, RacecheckError when it does not come up.
    """
    here = _known.get(os.getpid())
    if here is None:
        with out_of_control():
            _known.clear()
            here = _known[os.getpid()] = _made(version)
    return here


def _made(version: str | None) -> Server:
    given = os.environ.get(DSN_VARIABLE)
    if given:
        return Server(given)
    _refuse_without_psycopg()
    binaries = binaries_or_refusal(version)
    started = Server("", launch(binaries))
    assert started.running is not None
    started.dsn = started.running.dsn
    atexit.register(started.close)
    return started


def binaries_or_refusal(version: str | None = None) -> Binaries:
    """The programs of a server.  Raises MissingDependency, with the command that brings them."""
    found = find(version)
    if found is None:
        which = f"PostgreSQL {version}" if version else "a PostgreSQL server"
        raise MissingDependency(
            f"the programs of {which} are not here; run: {ENABLE}, or name a server of your own: "
            "--racecheck-postgres=DSN"
        )
    return found


def _refuse_without_psycopg() -> None:
    try:
        import psycopg  # noqa: F401 - only whether it is there
    except ImportError:
        raise MissingDependency(f"psycopg is not installed; run: {ENABLE}") from None


def forget() -> None:
    """Stop the server of this process, so that the next one asked for is another."""
    here = _known.pop(os.getpid(), None)
    if here is not None:
        atexit.unregister(here.close)
        here.close()


@contextmanager
def out_of_control() -> Iterator[None]:
    """What is done here is no operation of the task that calls, and takes real time."""
    found = controlled()
    with nullcontext() if found is None else found[0].uncontrolled_here():
        yield


# --- connections of our own, below all that is under control -------------------------------------


def connect(dsn: str, of: Server | None = None) -> PGconn:
    """A connection that no adapter sees.  Raises RacecheckError, which says what to do."""
    from psycopg import pq

    try:
        made = pq.PGconn.connect(dsn.encode())
    except Exception as error:
        raise RacecheckError(f"PostgreSQL: the connection string is wrong: {error}") from None
    if made.status != pq.ConnStatus.OK:
        said = made.error_message.decode(errors="replace").strip().replace("\n", " ")
        made.finish()
        why = of.why_gone() if of is not None else ""
        raise RacecheckError(f"PostgreSQL cannot be reached: {said}{why}; {_advice(said)}")
    return made


def _advice(said: str) -> str:
    if "too many clients" in said or "connection slots" in said:
        return "close connections, or raise max_connections of the server"
    if "does not exist" in said or "authentication" in said:
        return "mend the connection string (--racecheck-postgres=DSN)"
    return "see that the server runs, or leave the option out to get one of our own"


def is_open(connection: PGconn) -> bool:
    """Whether a connection of ours can still be used."""
    from psycopg import pq

    return connection.status == pq.ConnStatus.OK


def execute(connection: PGconn, sql: str, of: Server | None = None) -> list[tuple[str | None, ...]]:
    """Run statements; the rows of the last one, as text.  Raises RacecheckError."""
    from psycopg import pq

    done = connection.exec_(sql.encode())
    if done.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        said = done.error_message.decode(errors="replace").strip().replace("\n", " ")
        if not is_open(connection):
            why = of.why_gone() if of is not None else ""
            raise RacecheckError(f"PostgreSQL went away: {said}{why}")
        raise RacecheckError(f"PostgreSQL refused: {said}; the statement was: {sql.strip()[:200]}")
    return [
        tuple(_text(done.get_value(row, column)) for column in range(done.nfields))
        for row in range(done.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
