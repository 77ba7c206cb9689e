"""Statements of psycopg under control, on a real server: races and deadlocks, found and mended."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pytest_racecheck import explore, replay
from pytest_racecheck.diagnosis.verdict import Finding
from pytest_racecheck.postgres import binaries, database

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(binaries.find() is None, reason=binaries.ENABLE)

TWO_ACCOUNTS = """
create table account (id int primary key, value int);
insert into account values (1, 0), (2, 0)
"""


def together(*targets: Callable[[], object]) -> None:
    """Run each in a thread of its own, to their ends."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def bounded(body: Callable[[], object], preemptions: int = 1) -> Finding:
    return explore(
        body, strategy="bounded", preemptions=preemptions, points="sync", patience_s=10, seconds=60
    )


def read_modify_write(lock: str) -> None:
    with database(TWO_ACCOUNTS) as dsn:

        def add() -> None:
            with psycopg.connect(dsn) as connection:
                row = connection.execute(f"select value from account where id = 1 {lock}")
                value = row.fetchone()[0]
                connection.execute("update account set value = %s where id = 1", [value + 1])

        together(add, add)
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("select value from account where id = 1").fetchall()
    assert rows == [(2,)]


def test_a_lost_update_is_found_and_replays() -> None:
    found = bounded(lambda: read_modify_write(""))
    assert found.verdict == "reproduced"
    assert found.replays == (3, 3)
    assert found.failure is not None
    assert found.failure.type == "AssertionError"


def test_with_a_row_lock_no_schedule_loses_an_update() -> None:
    assert bounded(lambda: read_modify_write("for update")).verdict == "ruled out"


def transfer_both_ways(second: tuple[int, int]) -> None:
    with database(TWO_ACCOUNTS) as dsn:

        def move(one: int, other: int) -> None:
            with psycopg.connect(dsn) as connection:
                for account in (one, other):
                    connection.execute("update account set value = 1 where id = %s", [account])

        together(lambda: move(1, 2), lambda: move(*second))


def test_the_servers_deadlock_arrives_where_the_schedule_says_and_is_told() -> None:
    found = bounded(lambda: transfer_both_ways((2, 1)))
    assert found.verdict == "reproduced"
    assert found.replays == (3, 3)
    assert found.failure is not None
    assert found.failure.type == "DeadlockDetected"
    told = "\n".join(found.failure.waits)
    assert told.count("update account set value = 1 where id = %s") == 4
    assert told.count("ShareLock on transaction") == 2
    assert "pid" in told
    assert "main/0" in told
    assert "main/1" in told
    assert "main/0 (Thread-1 (<lambda>)) at test_postgres.py:" in found.report(200)


def test_the_same_order_in_both_transfers_is_ruled_out() -> None:
    assert bounded(lambda: transfer_both_ways((1, 2))).verdict == "ruled out"


def a_lock_and_a_row(order: str) -> None:
    mutex = threading.Lock()
    with database(TWO_ACCOUNTS) as dsn:

        def write() -> None:
            with psycopg.connect(dsn) as connection:
                connection.execute("update account set value = value + 1 where id = 1")
                if order == "crossed":
                    with mutex:
                        pass

        def lock_then_write() -> None:
            with mutex:
                with psycopg.connect(dsn) as connection:
                    connection.execute("update account set value = value + 1 where id = 1")

        together(lock_then_write, write)


def test_a_python_lock_and_a_row_lock_in_one_cycle_are_named() -> None:
    found = bounded(lambda: a_lock_and_a_row("crossed"))
    assert found.verdict == "reproduced"
    assert found.replays == (3, 3)
    assert found.failure is not None
    assert found.failure.kind == "deadlock"
    assert found.failure.message == "each waits for the next: main/0 -> main/1"
    told = "\n".join(found.failure.waits)
    assert "'update account set value = value + 1 where id = 1' (session#" in told
    assert "for ShareLock on transaction" in told
    assert "waits to acquire lock" in told


def test_without_the_second_lock_there_is_no_cycle() -> None:
    assert bounded(lambda: a_lock_and_a_row("plain")).verdict == "ruled out"


def test_a_schedule_replays_from_its_text_alone() -> None:
    found = bounded(lambda: read_modify_write(""))
    assert found.schedule is not None
    again = replay(lambda: read_modify_write(""), found.schedule, points="sync", patience_s=10)
    assert again.verdict == "reproduced"
    assert again.failure is not None
    assert found.failure is not None
    assert again.failure.where == found.failure.where
