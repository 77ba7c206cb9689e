"""The sessions of one execution: who uses them, who waits for whom, and when that is known."""

from __future__ import annotations

import re
import socket
import struct
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import pq
from psycopg.conninfo import make_conninfo

from pytest_racecheck.adapters import postgres_delivery as delivery
from pytest_racecheck.adapters.postgres_observer import OUR_NAME, Observer, Seen, in_a_cycle
from pytest_racecheck.adapters.postgres_statements import EXECUTE, NOTHING, Statement
from pytest_racecheck.adapters.postgres_touches import Catalogue, Transaction
from pytest_racecheck.adapters.zeromq_owner import Stack
from pytest_racecheck.engine import Task
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.dependence import Touches
from pytest_racecheck.engine.waits import user_place

#: What the server says to a session that waits for a lock, and what it says when that is over.
_TOLD = re.compile(
    r"process (\d+) (still waiting for|acquired|avoided deadlock for) (.*?)(?: after|$)"
)
_DEADLOCK = re.compile(r"Process (\d+) waits for (.*?); blocked by process (\d+)\.")
#: A server that has not come to rest by then is counted, and the verdict says so.
LIMIT_S = 5.0
_PAUSE_S, _LONGEST_PAUSE_S = 20e-6, 2e-3
_LOCKS_THAT_STAY = ("pg_advisory_lock", "pg_try_advisory_lock")
_PEEKED = 1 << 16
_FIRST_SPINS = 20


@dataclass(eq=False, slots=True)
class Session:
    """One connection, named by birth, and what its task does with it."""

    title: str  # "session#1"
    ref: Callable[[], Any]
    observer: Observer
    pid: int
    made_here: bool
    created_at: Stack
    pushes: bool  # the server tells it of its lock waits
    socket: socket.socket | None  # a second handle, to look without reading
    statement: Statement = NOTHING
    task: Task | None = None  # who used it last
    told: str = ""  # the lock for which it waits, as the server said
    parked: bool = False  # its task waits for a lock
    moved: bool = True  # ... and can go on: the server has answered, or will not be waited for
    blockers: tuple[int, ...] = ()
    keeps_locks: bool = False  # locks that outlive a transaction
    listens: bool = False  # notifications may come at any time
    closed: bool = False
    touched: Touches = field(default_factory=list)  # by its statement
    transaction: Transaction = field(default_factory=Transaction)
    heard_before: Any = None  # who heard the server's messages before us
    abandoned: bool = False  # cut off when its task ended early

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open; asks nobody."""
        connection = self.ref()
        if connection is None or connection.closed:
            return False
        return bool(connection.pgconn.transaction_status != pq.TransactionStatus.IDLE)

    @property
    def has_failed(self) -> bool:
        """Whether its transaction can only be rolled back."""
        status = self.ref().pgconn.transaction_status
        return bool(status == pq.TransactionStatus.INERROR)

    def note_words(self, sql: str) -> None:
        """Learn from a statement what outlives its transaction."""
        self.listens |= sql.lstrip()[:6].lower() == "listen"
        self.keeps_locks |= any(name in sql for name in _LOCKS_THAT_STAY)

    def hear(self, primary: str) -> bool:
        """Take in a message of the server; whether it was about a lock wait of this session."""
        found = _TOLD.match(primary)
        if found is None:
            return False
        self.told = found.group(3) if found.group(2).startswith("still") else ""
        return True

    def waits_again(self) -> bool:
        """Whether what has arrived, and was not read yet, ends with word of one more lock wait.

        True also when nothing has arrived: then it is still the wait that was told before.
        """
        if self.socket is None:
            return True
        last = None
        for primary in peek(self.socket):
            found = _TOLD.match(primary)
            if found is not None:
                last = found.group(2).startswith("still")
        return last is not False


@dataclass(eq=False, slots=True)
class Operation:
    """What a task is about to do on a session: the target that reports and strategies see."""

    session: Session
    statement: Statement
    world: World
    touched: Touches = field(default_factory=list)

    @property
    def __racecheck_name__(self) -> str:
        if self.statement.kind == EXECUTE:
            return f"{self.statement.shown} [{self.session.title}]"
        return f"{self.session.title}: {self.statement.shown}"

    def __racecheck_blockers__(self) -> list[Task]:
        """The tasks that alone can let this one go on."""
        return self.world.tasks_blocking(self.session)

    def __racecheck_touches__(self) -> Touches:
        """What the strategies have to know of it."""
        return self.touched

    def __racecheck_wait__(self) -> str:
        """For what, and because of whom, as the server says."""
        return self.world.tell(self.session, self.statement)


class World:
    """Everything of one execution; ``begin`` forgets it and starts the next one."""

    def __init__(self) -> None:
        self._observers: dict[tuple[str, ...], Observer] = {}
        self.catalogue = Catalogue()
        self.begin()

    def begin(self) -> None:
        """Start an execution: ordinals begin at 1 again."""
        self.sessions: list[Session] = []
        self._by_connection: weakref.WeakKeyDictionary[Any, Session] = weakref.WeakKeyDictionary()
        self.catalogue.begin()
        self.remarks: list[str] = []
        self.uncertain: list[str] = []

    # --- sessions --------------------------------------------------------------------------------

    def known(self, connection: Any) -> Session | None:
        """The session of a connection if this execution has used it."""
        return self._by_connection.get(connection)

    def session_of(self, connection: Any) -> Session:
        """The session of a connection; one made before this execution is taken up now."""
        found = self._by_connection.get(connection)
        return found or self.take_up(connection, made_here=False, created_at=())

    def take_up(self, connection: Any, *, made_here: bool, created_at: Stack) -> Session:
        """Make the session of a connection."""
        pgconn = connection.pgconn
        observer = self._observer_of(pgconn)
        session = Session(
            f"session#{len(self.sessions) + 1}",
            weakref.ref(connection),
            observer,
            pgconn.backend_pid,
            made_here,
            created_at,
            _pushes(observer),
            _second_handle(pgconn),
        )
        self.sessions.append(session)
        self._by_connection[connection] = session
        _listen(connection, session)
        return session

    def _observer_of(self, pgconn: Any) -> Observer:
        key = tuple(value.decode() for value in (pgconn.host, pgconn.port, pgconn.db, pgconn.user))
        observer = self._observers.get(key)
        if observer is None:
            given = {
                option.keyword.decode(): option.val.decode()
                for option in pgconn.info
                if option.val and option.keyword not in (b"options", b"application_name")
            }
            conninfo = make_conninfo("", **{**given, "application_name": OUR_NAME})
            observer = self._observers[key] = Observer(conninfo)
        return observer

    def close(self) -> None:
        """Close the connections that asked."""
        for observer in self._observers.values():
            observer.close()

    # --- who waits for whom ----------------------------------------------------------------------

    def parked(self) -> list[Session]:
        """The sessions whose tasks wait for a lock."""
        return [session for session in self.sessions if session.parked and not session.moved]

    def of_pid(self, pid: int) -> Session | None:
        """The session with this process id on the server."""
        return next((one for one in self.sessions if one.pid == pid and not one.closed), None)

    def tasks_blocking(self, session: Session) -> list[Task]:
        """The tasks that used the sessions that block this one, each once."""
        if not session.parked:
            return []
        found = (self.of_pid(pid) for pid in session.blockers)
        tasks = [one.task for one in found if one is not None and one.task is not None]
        return list(dict.fromkeys(tasks))

    def tell(self, session: Session, statement: Statement) -> str:
        """Why a session waits, in words."""
        asks = f"waits in {statement.shown!r} ({session.title}, pid {session.pid})"
        if not session.parked:
            return asks
        lock = session.told or session.observer.lock_awaited(session.pid)
        held = [self._holder(pid) for pid in session.blockers]
        return f"{asks} for {lock or 'a lock'}, held by {' and '.join(held) or 'nobody any more'}"

    def tell_deadlock(self, detail: str) -> tuple[str, ...]:
        """The server's account of a deadlock, one line a session, with tasks and statements."""
        lines = []
        for pid, lock, holder in _DEADLOCK.findall(detail):
            session = self.of_pid(int(pid))
            if session is None or session.task is None:
                lines.append(f"pid {pid}, not under control: waits for {lock}")
                continue
            task = session.task
            lines.append(
                f"{task.path} ({task.name}) at {user_place(task)}: waits in "
                f"{session.statement.shown!r} ({session.title}, pid {pid}) for {lock}, held by "
                f"{self._holder(int(holder))}"
            )
        return tuple(lines)

    def _holder(self, pid: int) -> str:
        holder = self.of_pid(pid)
        if holder is None or holder.task is None:
            return f"pid {pid}, which is not under control"
        task = holder.task
        last = holder.statement.shown
        return f"{holder.title} (pid {pid}) of {task.path} ({task.name}), last in {last!r}"

    # --- the end of an operation -----------------------------------------------------------------

    def settle(self) -> None:
        """An operation was performed: find out which waiting sessions it has let go on.

        Returns when every waiting session has either answered, or is known to wait again.
        """
        listening = [one for one in self.sessions if one.listens and not one.closed]
        if listening and not delivery.settle(listening):
            self.uncertain.append("the delivery of a notification did not settle")
        waiting = self.parked()
        if waiting:
            self._settle_waits(waiting)

    def _settle_waits(self, waiting: list[Session]) -> None:
        before = {one.pid: one.blockers for one in waiting}
        for pause_s in _pauses():
            now = _ask(waiting)
            blockers = {pid: seen.blockers for pid, seen in now.items()}
            at_rest = all(_rests(one, now[one.pid], blockers) for one in waiting)
            if at_rest and blockers == before:
                break
            before = blockers
            real_sleep_s(pause_s)
        else:
            self.uncertain.append("PostgreSQL did not come to rest after an operation")
        for session in waiting:
            seen = now[session.pid]
            session.blockers = seen.blockers
            session.moved = seen.done


def _ask(sessions: list[Session]) -> dict[int, Seen]:
    by_observer: dict[Observer, list[int]] = {}
    for session in sessions:
        by_observer.setdefault(session.observer, []).append(session.pid)
    found: dict[int, Seen] = {}
    for observer, pids in by_observer.items():
        found.update(observer.ask(pids))
    return found


def _rests(session: Session, seen: Seen, blockers: dict[int, tuple[int, ...]]) -> bool:
    if seen.done:
        return True
    if not seen.blockers or in_a_cycle(session.pid, blockers):
        return False  # it runs, or the server is about to choose a victim
    return seen.blockers == session.blockers or session.waits_again()


def _pauses() -> Iterator[float]:
    """Pauses between questions, until the limit is reached."""
    end_s = real_monotonic_s() + LIMIT_S
    pause_s, spins = _PAUSE_S, 0
    while real_monotonic_s() < end_s:
        yield pause_s
        spins += 1
        if spins > _FIRST_SPINS:
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


# --- what the server says of itself ---------------------------------------------------------------

_ASK_PUSHES = """
select current_setting('log_lock_waits') = 'on'
    and current_setting('client_min_messages') in ('log', 'debug1', 'debug2', 'debug3')
    and (select setting::int from pg_settings where name = 'deadlock_timeout') <= 20
"""
_known_pushes: weakref.WeakKeyDictionary[Observer, bool] = weakref.WeakKeyDictionary()


def _pushes(observer: Observer) -> bool:
    """Whether sessions like the observer's are told of their lock waits."""
    if observer not in _known_pushes:
        _known_pushes[observer] = observer.value(_ASK_PUSHES) == "t"
    return _known_pushes[observer]


def _listen(connection: Any, session: Session) -> None:
    """Keep the messages about lock waits to ourselves; all others go where they went."""
    pgconn, before = connection.pgconn, connection.pgconn.notice_handler

    def hear(result: Any) -> None:
        severity = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED)
        primary = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        if severity == b"LOG" and session.hear(primary.decode(errors="replace")):
            return
        if before is not None:
            before(result)

    pgconn.notice_handler, session.heard_before = hear, before


def _second_handle(pgconn: Any) -> socket.socket | None:
    """Another handle of the same socket; None where what passes through is encrypted."""
    if pgconn.ssl_in_use:
        return None
    return socket.fromfd(pgconn.socket, socket.AF_UNIX, socket.SOCK_STREAM)


def peek(handle: socket.socket) -> Iterator[str]:
    """The primary texts of the notices that have arrived and were not read, oldest first."""
    try:
        data = handle.recv(_PEEKED, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return
    at = 0
    while at + 5 <= len(data):
        kind, (length,) = data[at : at + 1], struct.unpack_from("!I", data, at + 1)
        body = data[at + 5 : at + 1 + length]
        at += 1 + length
        if kind == b"N":
            for part in body.split(b"\0"):
                if part[:1] == b"M":
                    yield part[1:].decode(errors="replace")
