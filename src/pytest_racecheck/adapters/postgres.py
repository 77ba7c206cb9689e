"""PostgreSQL under control: unchanged psycopg code, one statement at a time, on a real server.

Every round trip of psycopg goes through ``Connection.wait``.  There a task says what it is about to
do; then the real generator runs, until the server has answered or says who blocks it.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import psycopg

from pytest_racecheck.adapters.postgres_drive import connect, give_up, perform
from pytest_racecheck.adapters.postgres_leftovers import clear
from pytest_racecheck.adapters.postgres_lock import StatementLock
from pytest_racecheck.adapters.postgres_statements import Statement
from pytest_racecheck.adapters.postgres_touches import footprint
from pytest_racecheck.adapters.postgres_world import Operation, World
from pytest_racecheck.adapters.replaced import Stand
from pytest_racecheck.adapters.zeromq_owner import call_stack
from pytest_racecheck.engine import current_task, switch
from pytest_racecheck.engine.execution import controlled
from pytest_racecheck.engine.failure import leave_out
from pytest_racecheck.engine.task import Unwind

Method = Callable[..., Any]

#: The label of the end of a session.
CLOSE = "close"
#: Whose lines a report leaves out: it names the line of the user's that called them.
_LIBRARIES = ("psycopg", "psycopg_binary", "psycopg_pool", "sqlalchemy")


class PostgresControl:
    """What has to happen around each execution while PostgreSQL is under control."""

    def __init__(self) -> None:
        self.world = World()

    def end_of_execution(self, failed: bool) -> tuple[str, ...]:
        """End what the body left open, and say what it was unless the execution failed anyway."""
        return clear(self.world, failed)


def _controlled_wait(world: World, original: Method) -> Method:
    @wraps(original)
    def wait(self: Any, gen: Any, *args: Any, **kwargs: Any) -> Any:
        task = current_task()
        if task is None:
            return original(self, gen, *args, **kwargs)
        _needs_threads()
        return perform(world, task, self, gen, kwargs.get("timeout"))

    return wait


def _controlled_wait_conn(original: Method) -> Method:
    @wraps(original)
    def wait_conn(gen: Any, *args: Any, **kwargs: Any) -> Any:
        if current_task() is None:
            return original(gen, *args, **kwargs)
        return connect(gen, kwargs.get("timeout"))

    return wait_conn


def _needs_threads() -> None:
    found = controlled()
    if found is not None and not found[0].needs:
        found[0].needs.append("a task uses a session of PostgreSQL")


def _controlled_init(world: World, original: Method) -> Method:
    @wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if current_task() is not None:
            self.lock = StatementLock()
            world.take_up(self, made_here=True, created_at=call_stack())

    return init


def _controlled_close(world: World, original: Method) -> Method:
    @wraps(original)
    def close(self: Any) -> None:
        task, session = current_task(), world.known(self)
        if task is None or session is None or self.closed or getattr(self, "_pool", None):
            original(self)
            return
        if task.doomed:
            session.abandoned = True
            original(self)
            return
        statement = Statement(CLOSE, "close")
        ends = session.in_transaction or session.keeps_locks
        session.task, session.statement = task, statement
        if ends:
            touched = footprint(world.catalogue, session, statement)
            try:
                switch(CLOSE, Operation(session, statement, world, touched))
            except Unwind:
                give_up(session)
                raise
        original(self)
        if ends or world.parked():
            session.observer.wait_until_gone(session.pid)
        session.closed = True
        world.settle()

    return close


@contextmanager
def control_postgres() -> Iterator[PostgresControl]:
    """Control the sessions of the tasks of each execution while entered."""
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            leave_out(os.path.dirname(spec.origin))
    control = PostgresControl()
    stand = Stand()
    try:
        stand.replace(psycopg.waiting, "wait_conn", _controlled_wait_conn)
        stand.replace(psycopg.Connection, "wait", partial(_controlled_wait, control.world))
        stand.replace(psycopg.Connection, "__init__", partial(_controlled_init, control.world))
        stand.replace(psycopg.Connection, "close", partial(_controlled_close, control.world))
        yield control
    finally:
        stand.restore()
        control.world.close()
