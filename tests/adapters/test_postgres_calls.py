"""Every way in which psycopg sends something is controlled: a race each, and its mended twin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_racecheck import explore
from pytest_racecheck.diagnosis.verdict import Finding
from pytest_racecheck.postgres import binaries, database, server

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(binaries.find() is None, reason=binaries.ENABLE)

SETUP = """
create table account (id int primary key, value int);
insert into account values (1, 0), (2, 0)
"""
READ = "select value from account where id = 1"
WRITE = "update account set value = %s where id = 1"


def together(*targets: Callable[[], object]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def exhausted(body: Callable[[], object], **plan: Any) -> Finding:
    server()
    return explore(body, strategy="exhaustive", points="sync", patience_s=10, seconds=60, **plan)


def total(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return connection.execute(READ).fetchone()[0]


def in_a_block(connection: Any, lock: str) -> None:
    connection.autocommit = True
    with connection.transaction():
        value = connection.execute(READ + lock).fetchone()[0]
        with connection.transaction():
            connection.execute(WRITE, [value + 1])


def in_a_pipeline(connection: Any, lock: str) -> None:
    value = connection.execute(READ + lock).fetchone()[0]
    with connection.pipeline():
        connection.execute(WRITE, [value + 1])


def by_server_cursor(connection: Any, lock: str) -> None:
    with connection.cursor("named") as cursor:
        cursor.execute(READ + lock)
        value = cursor.fetchone()[0]
    connection.execute(WRITE, [value + 1])


def by_stream(connection: Any, lock: str) -> None:
    value = sum(row[0] for row in connection.cursor().stream(READ + lock))
    connection.execute(WRITE, [value + 1])


def by_copy(connection: Any, lock: str) -> None:
    """COPY takes no row locks: the mended twin locks first."""
    if lock:
        connection.execute(READ + lock)
    with connection.cursor().copy(f"copy ({READ}) to stdout") as copy:
        value = sum(int(row[0]) for row in copy.rows())
    connection.execute(WRITE, [value + 1])


CALLS = (in_a_block, in_a_pipeline, by_server_cursor, by_stream, by_copy)


@pytest.mark.parametrize(
    "add",
    [
        in_a_block,
        pytest.param(in_a_pipeline, marks=pytest.mark.slow),
        *(pytest.param(call, marks=pytest.mark.slow) for call in CALLS[1:]),
    ],
    ids=lambda add: add.__name__,
)
@pytest.mark.parametrize(("lock", "verdict"), [("", "reproduced"), (" for update", "ruled out")])
def test_an_update_is_lost_unless_the_row_is_locked(
    add: Callable[[Any, str], None], lock: str, verdict: str
) -> None:
    def body() -> None:
        with database(SETUP) as dsn:

            def work() -> None:
                with psycopg.connect(dsn) as connection:
                    add(connection, lock)

            together(work, work)
            assert total(dsn) == 2

    if add is in_a_block:  # the reduction cannot see into contextlib
        found = explore(body, strategy="bounded", preemptions=1, points="sync", patience_s=10)
    else:
        found = exhausted(body)
    assert found.verdict == verdict, found.report(200)


@pytest.mark.parametrize(("first", "verdict"), [(True, "ruled out"), (False, "reproduced")])
def test_a_notification_reaches_who_listened_before(first: bool, verdict: str) -> None:
    def body() -> None:
        heard: list[str] = []
        with database() as dsn, psycopg.connect(dsn, autocommit=True) as listener:
            if first:
                listener.execute("listen news")

            def send() -> None:
                with psycopg.connect(dsn) as connection:
                    connection.execute("select pg_notify('news', 'late')")

            def hear() -> None:
                if not first:
                    listener.execute("listen news")
                heard.extend(one.payload for one in listener.notifies(timeout=5, stop_after=1))

            together(send, hear)
        assert heard == ["late"]

    found = exhausted(body)
    assert found.verdict == verdict, found.report(200)


@pytest.mark.parametrize(("lock", "verdict"), [("", "reproduced"), (" for update", "ruled out")])
def test_a_pool_that_outlives_the_executions(lock: str, verdict: str) -> None:
    pool_of = pytest.importorskip("psycopg_pool").ConnectionPool
    with database(SETUP) as dsn, pool_of(dsn, min_size=2, max_size=2, open=True) as pool:
        pool.wait()

        def add() -> None:
            with pool.connection() as connection:
                value = connection.execute(READ + lock).fetchone()[0]
                connection.execute(WRITE, [value + 1])

        def body() -> None:
            with pool.connection() as connection:
                connection.execute(WRITE, [0])
            together(add, add)
            with pool.connection() as connection:
                assert connection.execute(READ).fetchone()[0] == 2

        found = explore(
            body, strategy="bounded", preemptions=1, points="sync", patience_s=10, seconds=60
        )
    assert found.verdict == verdict, found.report(200)


def test_a_commit_that_rolls_back_is_told() -> None:
    def body() -> None:
        with database(SETUP) as dsn, psycopg.connect(dsn) as connection:

            def fail() -> None:
                with pytest.raises(psycopg.errors.DivisionByZero):
                    connection.execute("select 1 / 0")
                connection.commit()

            together(fail, lambda: None)

    found = exhausted(body)
    assert "COMMIT of a transaction that had failed rolled it back" in found.report(200)


def test_a_session_that_stays_open_is_named_and_ended() -> None:
    kept: list[Any] = []  # else psycopg itself would warn

    def body() -> None:
        with database(SETUP) as dsn:
            together(lambda: kept.append(psycopg.connect(dsn)), lambda: None)
            kept[-1].execute(WRITE, [1])

    found = exhausted(body)
    assert "session#1, opened at test_postgres_calls.py:" in found.report(200)
    assert all(connection.closed for connection in kept)
