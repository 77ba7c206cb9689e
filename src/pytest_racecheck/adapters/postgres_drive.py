"""One round trip of a task: a scheduling point, then the real thing, until done or blocked.

Whether a statement is done, blocked, and by whom, is what the server says: it tells the session
that waits for a lock, after its search for a deadlock, and one question names who holds it.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from psycopg import errors
from psycopg.waiting import Ready, Wait

from pytest_racecheck.adapters import postgres_delivery as delivery
from pytest_racecheck.adapters.postgres_observer import in_a_cycle
from pytest_racecheck.adapters.postgres_statements import (
    COMMIT,
    EXECUTE,
    GOES_ON,
    LISTEN,
    ROLLBACK,
    Statement,
    describe,
)
from pytest_racecheck.adapters.postgres_touches import UNNOTICED, footprint, while_waiting
from pytest_racecheck.adapters.postgres_world import Operation, Session, World, _ask
from pytest_racecheck.engine import Task, switch, wait_until
from pytest_racecheck.engine.clock import real_monotonic_s, real_sleep_s
from pytest_racecheck.engine.dependence import WHOLE, WRITE
from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.engine.task import Unwind

#: The label of a task that waits for a lock of the server.
BLOCKED = "get a lock for"
#: How long nothing may come from the server before it is asked without having told anything.
_SILENCE_MS = 2
#: Without word from the server, a wait counts only when it was seen this long.
_UNTOLD_S = 0.05
_LOOK_MS = 100
#: A statement that runs longer is left to the watchdog.
_STATEMENT_PATIENCE_S = 60.0


def perform(
    world: World, task: Task, connection: Any, generator: Any, limit_s: float | None
) -> Any:
    """Run the generator of a round trip to its end, as ``Connection.wait`` does."""
    session = world.session_of(connection)
    statement = describe(connection, generator)
    session.task = task
    try:
        if task.doomed:
            raise Unwind
        if statement.kind == LISTEN:
            return _listen(world, session, generator, limit_s)
        return _perform(world, session, statement, generator)
    except Unwind:
        give_up(session)
        raise


def _perform(world: World, session: Session, statement: Statement, generator: Any) -> Any:
    nothing = statement.kind in (COMMIT, ROLLBACK) and not session.in_transaction
    if statement.kind != GOES_ON and not nothing:
        _announce(world, session, statement)
    session.note_words(statement.text)
    failed = session.has_failed
    try:
        return _Drive(world, session, generator).run()
    except errors.DeadlockDetected as error:
        detail = error.diag.message_detail or ""
        _had_to_wait(world)
        error.racecheck_waits = world.tell_deadlock(detail)  # type: ignore[attr-defined]
        raise
    finally:
        if statement.kind == COMMIT and failed:
            world.remarks.append(
                f"{session.title}: COMMIT of a transaction that had failed rolled it back"
            )
        world.settle()


def _announce(world: World, session: Session, statement: Statement) -> None:
    """The scheduling point before a statement, unless nobody could notice it."""
    session.statement = statement
    session.touched = footprint(world.catalogue, session, statement)
    noticed = len(session.touched) > UNNOTICED or session.touched[-1][2] == WRITE
    if noticed or statement.kind != EXECUTE:
        switch(statement.kind, Operation(session, statement, world, session.touched))


def give_up(session: Session) -> None:
    """Its task ends early: cut its session off, so that nothing on the way out finds it open."""
    connection = session.ref()
    if session.made_here and connection is not None:
        session.abandoned = True
        connection._closed = True
        connection.pgconn.finish()


class _Drive:
    """One generator, driven to its end."""

    def __init__(self, world: World, session: Session, generator: Any) -> None:
        self._world = world
        self._session = session
        self._generator = generator
        connection = session.ref()
        self._fd = connection.pgconn.socket
        self._poll = select.poll()

    def run(self) -> Any:
        """What the generator returns; raises what it raises."""
        step: Callable[[Any], Any] = self._generator.send
        answer: Any = None
        while True:
            try:
                wanted = step(answer)
            except StopIteration as ended:
                self._session.told = ""
                return ended.value
            answer = self._wait(wanted)

    def _wait(self, wanted: int) -> Ready:
        """Wait until the socket is as wanted; the task may have to wait for others meanwhile."""
        since_s = real_monotonic_s()
        while True:
            ready = self._ready(wanted, 0 if self._session.told else _SILENCE_MS)
            if ready:
                return ready
            if self._is_blocked(since_s):
                self._park()
                since_s = real_monotonic_s()
            else:
                _still_here(since_s)

    def _ready(self, wanted: int, timeout_ms: int) -> Ready:
        self._poll.register(self._fd, _events(wanted))
        found = self._poll.poll(timeout_ms)
        if not found:
            return Ready.NONE
        if found[0][1] & select.POLLNVAL:
            raise errors.OperationalError("connection socket closed")
        return _as_wanted(found[0][1], wanted)

    def _is_blocked(self, since_s: float) -> bool:
        session = self._session
        told = bool(session.told)
        if not told and session.pushes and real_monotonic_s() - since_s < _UNTOLD_S:
            return False
        now = _ask([session, *self._world.parked()])
        seen = now[session.pid]
        blockers = {pid: one.blockers for pid, one in now.items()}
        if seen.done or not seen.blockers or in_a_cycle(session.pid, blockers):
            return False
        if self._ready(Wait.R, 0):
            return False  # it has answered meanwhile
        session.blockers = seen.blockers
        return True

    def _park(self) -> None:
        session, world = self._session, self._world
        session.parked, session.moved = True, False
        _had_to_wait(world)
        world.settle()
        outside = any(world.of_pid(pid) is None for pid in session.blockers)
        operation = Operation(session, session.statement, world, while_waiting(session.touched))
        try:
            wait_until(
                lambda: session.moved or (outside and bool(self._ready(Wait.R, 0))),
                BLOCKED,
                operation,
                outside=outside,
            )
        finally:
            session.parked = False
        session.told = ""


def connect(generator: Any, limit_s: float | None) -> Any:
    """Run the generator that makes a connection (or cancels a statement) to its end.

    No scheduling point, and in real time: what others can notice of it is that it takes a place.
    Raises psycopg's time-out error after ``limit_s``.
    """
    end_s = None if limit_s is None else real_monotonic_s() + limit_s
    try:
        fd, wanted = next(generator)
        while True:
            poll = select.poll()
            poll.register(fd, _events(wanted))
            found = poll.poll(_LOOK_MS)
            if end_s is not None and real_monotonic_s() > end_s:
                raise errors._WaitTimeout
            fd, wanted = generator.send(_as_wanted(found[0][1], wanted) if found else Ready.NONE)
    except StopIteration as ended:
        return ended.value


def _events(wanted: int) -> int:
    return (select.POLLIN if wanted & Wait.R else 0) | (select.POLLOUT if wanted & Wait.W else 0)


def _as_wanted(happened: int, wanted: int) -> Ready:
    """What of the wanted has happened; everything when the socket is broken: then it fails."""
    ready = (Ready.R if happened & (select.POLLIN | select.POLLHUP) and wanted & Wait.R else 0) | (
        Ready.W if happened & select.POLLOUT and wanted & Wait.W else 0
    )
    return Ready(ready or wanted)


def _had_to_wait(world: World) -> None:
    """Two statements that wait, whatever for: which comes first decides who closes a cycle."""
    found = controlled()
    if found is not None and found[0].touched is not None:
        found[0].touched(world.catalogue.thing("waits for locks"), WHOLE, WRITE)


def _still_here(since_s: float) -> None:
    """Tell the watchdog that a statement runs on the server, which is no lost task."""
    waited_s = real_monotonic_s() - since_s
    if waited_s > 0.01:
        real_sleep_s(min(1e-3, waited_s / 10))
    found = controlled()
    if found is not None and 0.05 < waited_s < _STATEMENT_PATIENCE_S:
        found[0].steps += 1
        found[0].step_limit += 1


def _listen(world: World, session: Session, generator: Any, limit_s: float | None) -> Any:
    """``notifies()``: wait until something has come, or until the time-out in virtual time."""
    connection = session.ref()
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    statement = describe(connection, generator)
    touched = footprint(world.catalogue, session, statement)
    operation = Operation(session, statement, world, touched)
    next(generator)
    outside = delivery.may_come_from_outside(world, session)
    got = wait_until(
        lambda: bool(poll.poll(0)), LISTEN, operation, timeout_s=limit_s, outside=outside
    )
    if not got:
        generator.close()
        raise errors._WaitTimeout
    try:
        while True:
            generator.send(Ready.R)
    except StopIteration as ended:
        return ended.value
