"""The server that this process uses: the one that it was told of, or one that it starts."""

from __future__ import annotations

import atexit
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_racecheck.errors import MissingDependency, RacecheckError
from pytest_racecheck.postgres.binaries import ENABLE, Binaries, find
from pytest_racecheck.postgres.launcher import Running, launch

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

#: How to reach a server that is there already; a process that started one tells its children so.
DSN_VARIABLE = "RACECHECK_POSTGRES"
#: The mark of the run that such a process belongs to.
RUN_VARIABLE = "RACECHECK_POSTGRES_RUN"
#: Every database of ours begins with this, and goes on with a mark of the run that made it.
PREFIX = "racecheck_"


def _mark_of_this_run() -> str:
    return os.environ.get(RUN_VARIABLE) or uuid.uuid4().hex[:8]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@dataclass(eq=False, slots=True)
class Server:
    """A server to work with; ``running`` is None when somebody else started it."""

    dsn: str
    running: Running | None = None
    run: str = field(default_factory=_mark_of_this_run)
    starts_here: bool = False  # this process is the one that ends the run on somebody's server
    _admins: dict[int, PGconn] = field(default_factory=dict)  # by process

    def environment(self) -> dict[str, str]:
        """What a process that is to use this server as well has to find in its environment."""
        return {DSN_VARIABLE: self.dsn, RUN_VARIABLE: self.run}

    def sweep(self, everything: bool = False) -> None:
        """Drop the databases that processes of this run made which have ended; or all of them."""
        mark = f"{PREFIX}{self.run}_"
        for (name,) in self.execute("select datname from pg_database"):
            if name is not None and name.startswith(mark):
                pid = name[len(mark) :].partition("_")[0]
                if everything or not _is_alive(int(pid)):
                    self.execute(f'drop database if exists "{name}" with (force)')

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
        """Drop what this run made there, or stop the server if it is ours."""
        if self.running is not None:
            self.running.stop()
        elif self.starts_here:
            self.sweep(everything=True)
        mine = self._admins.pop(os.getpid(), None)
        if mine is not None:
            mine.finish()


_current: list[Server] = []


def server(version: str | None = None) -> Server:
    """The server of this process, started now if need be; ``version`` such as "16" for that one.

    A process that was forked uses its parent's.  Raises MissingDependency when there is none here,
    RacecheckError when it does not come up.
    """
    if not _current:
        with out_of_control():
            made = start(version)
        atexit.register(made.close)
        _current.append(made)
    return _current[0]


def start(version: str | None = None) -> Server:
    """A server for who closes it himself: the one in the environment, else one of our own."""
    _refuse_without_psycopg()
    given = os.environ.get(DSN_VARIABLE)
    if given:
        found = Server(given)
        found.starts_here = RUN_VARIABLE not in os.environ
        found.execute("select 1")  # better now than in the middle of a test
        return found
    running = launch(binaries_or_refusal(version))
    return Server(running.dsn, running)


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
    """Let go of the server of this process, so that the next one asked for is another."""
    while _current:
        gone = _current.pop()
        atexit.unregister(gone.close)
        gone.close()


@contextmanager
def out_of_control() -> Iterator[None]:
    """What is done here is no operation of the task that calls, and takes real time."""
    from pytest_racecheck.engine.execution import controlled  # late: the command starts without

    found = controlled()
    with nullcontext() if found is None else found[0].uncontrolled_here():
        yield


# --- connections of our own, below all that is under control -------------------------------------


def connect(dsn: str, of: Server | None = None) -> PGconn:
    """A connection that no adapter sees.  Raises RacecheckError, which says what to do."""
    from psycopg import Error, pq
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(dsn)
    except Error as error:
        raise RacecheckError(
            f"PostgreSQL: the connection string is wrong: {str(error).strip()}; mend it "
            "(--racecheck-postgres=DSN)"
        ) from None
    made = pq.PGconn.connect(dsn.encode())
    if made.status != pq.ConnStatus.OK:
        said = " ".join(made.error_message.decode(errors="replace").split())
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
        said = " ".join(done.error_message.decode(errors="replace").split())
        if not is_open(connection):
            why = of.why_gone() if of is not None else ""
            raise RacecheckError(f"PostgreSQL went away: {said}{why}")
        raise RacecheckError(
            f"PostgreSQL refused: {said}; the statement was: {' '.join(sql.split())[:200]}"
        )
    return [
        tuple(_text(done.get_value(row, column)) for column in range(done.nfields))
        for row in range(done.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
