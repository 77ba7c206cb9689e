"""Each anomaly is found at the isolation levels that allow it, and ruled out at all others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_racecheck import explore
from pytest_racecheck.postgres import binaries, database

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(binaries.find() is None, reason=binaries.ENABLE)

SETUP = """
create table account (id int primary key, value int not null);
insert into account values (1, 10), (2, 10);
create table job (id int primary key, taken int not null);
insert into job values (1, 0), (2, 0)
"""
COMMITTED, REPEATABLE, SERIALIZABLE = "read committed", "repeatable read", "serializable"
Transaction = Callable[[Any], object]


def value_of(connection: Any, account: int) -> int:
    return connection.execute("select value from account where id = %s", [account]).fetchone()[0]


def put(connection: Any, account: int, value: int) -> None:
    connection.execute("update account set value = %s where id = %s", [value, account])


def run(dsn: str, level: str, transactions: tuple[Transaction, ...]) -> list[object]:
    """What each gave, in order; None of one that the server would not let commit."""
    given: list[object] = [None] * len(transactions)

    def perform(number: int) -> None:
        with psycopg.connect(dsn) as connection:
            connection.isolation_level = psycopg.IsolationLevel[level.upper().replace(" ", "_")]
            try:
                result = transactions[number](connection)
                connection.commit()
                given[number] = "done" if result is None else result
            except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                connection.rollback()

    threads = [threading.Thread(target=perform, args=(at,)) for at in range(len(transactions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def dirty_write(dsn: str, level: str) -> None:
    def write(value: int) -> Transaction:
        def both(connection: Any) -> None:
            put(connection, 1, value)
            put(connection, 2, value)

        return both

    if None in run(dsn, level, (write(1), write(2))):
        return
    with psycopg.connect(dsn) as connection:
        one, two = value_of(connection, 1), value_of(connection, 2)
    assert one == two, (
        f"rows 1 and 2 of account were written by different transactions: {one}, {two}"
    )


def lost_update(dsn: str, level: str) -> None:
    def add(connection: Any) -> None:
        put(connection, 1, value_of(connection, 1) + 1)

    done = [one for one in run(dsn, level, (add, add)) if one]
    with psycopg.connect(dsn) as connection:
        value = value_of(connection, 1)
    assert value == 10 + len(done), f"{len(done)} transactions added to row 1 of account: {value}"


def read_skew(dsn: str, level: str) -> None:
    def transfer(connection: Any) -> None:
        put(connection, 1, 5)
        put(connection, 2, 15)

    def look(connection: Any) -> int:
        return value_of(connection, 1) + value_of(connection, 2)

    total = run(dsn, level, (transfer, look))[1]
    assert total in (20, None), f"the reader saw rows 1 and 2 of account from two moments: {total}"


def phantom(dsn: str, level: str) -> None:
    def insert(connection: Any) -> None:
        connection.execute("insert into account values (3, 10)")

    def count_twice(connection: Any) -> tuple[int, int]:
        query = "select count(*) from account where value = 10"
        first = connection.execute(query).fetchone()[0]
        return first, connection.execute(query).fetchone()[0]

    counts: Any = run(dsn, level, (insert, count_twice))[1]
    assert counts is None or counts[0] == counts[1], f"row 3 appeared to a transaction: {counts}"


def write_skew(dsn: str, level: str) -> None:
    def draw(account: int) -> Transaction:
        def draw_if_covered(connection: Any) -> None:
            if value_of(connection, 1) + value_of(connection, 2) >= 20:
                put(connection, account, -10)

        return draw_if_covered

    run(dsn, level, (draw(1), draw(2)))
    with psycopg.connect(dsn) as connection:
        total = value_of(connection, 1) + value_of(connection, 2)
    assert total >= 0, f"each transaction drew on what the other had counted on: {total}"


def double_take(dsn: str, level: str, lock: str = "") -> None:
    def take(connection: Any) -> int:
        query = f"select id from job where taken = 0 order by id limit 1 {lock}"
        job = connection.execute(query).fetchone()[0]
        connection.execute("update job set taken = 1 where id = %s", [job])
        return job

    taken = [job for job in run(dsn, level, (take, take)) if job is not None]
    assert len(set(taken)) == len(taken), f"row {taken[0]} of job was taken by both transactions"


def skip_locked(dsn: str, level: str) -> None:
    double_take(dsn, level, "for update skip locked")


def unlock_too_early(dsn: str, level: str, early: bool = True) -> None:
    def add(connection: Any) -> None:
        name = "pg_advisory_lock" if early else "pg_advisory_xact_lock"
        connection.execute(f"select {name}(7)")
        put(connection, 1, value_of(connection, 1) + 1)
        if early:
            connection.execute("select pg_advisory_unlock(7)")

    done = [one for one in run(dsn, level, (add, add)) if one]
    with psycopg.connect(dsn) as connection:
        value = value_of(connection, 1)
    assert value == 10 + len(done), f"the lock was let go before row 1 was committed: {value}"


def unlock_at_the_end(dsn: str, level: str) -> None:
    unlock_too_early(dsn, level, False)


def read_only(dsn: str, level: str) -> None:
    """Fekete, O'Neil, O'Neil, "A read-only transaction anomaly under snapshot isolation", 2004."""

    def deposit(connection: Any) -> None:
        put(connection, 2, 30)

    def withdraw(connection: Any) -> int:
        covered = value_of(connection, 1) + value_of(connection, 2) >= 30
        put(connection, 1, 0 if covered else -1)
        return int(covered)

    def report(connection: Any) -> tuple[int, int]:
        return value_of(connection, 1), value_of(connection, 2)

    _, covered, seen = run(dsn, level, (deposit, withdraw, report))
    assert (covered, seen) != (0, (10, 30)), "the report has the deposit, the withdrawal has not"


ALLOWED: dict[Callable[[str, str], None], tuple[str, ...]] = {
    dirty_write: (),
    lost_update: (COMMITTED,),
    read_skew: (COMMITTED,),
    phantom: (COMMITTED,),
    write_skew: (COMMITTED, REPEATABLE),
    double_take: (COMMITTED,),
    skip_locked: (),
    unlock_too_early: (COMMITTED,),
    unlock_at_the_end: (),
    read_only: (COMMITTED, REPEATABLE),
}
_QUICK = {(lost_update, COMMITTED)}
CASES = [
    pytest.param(
        anomaly,
        level,
        id=f"{anomaly.__name__}, {level}",
        marks=() if (anomaly, level) in _QUICK else pytest.mark.slow,
    )
    for anomaly in ALLOWED
    for level in (COMMITTED, REPEATABLE, SERIALIZABLE)
]


@pytest.mark.parametrize(("anomaly", "level"), CASES)
def test_an_anomaly_is_found_exactly_where_it_is_allowed(
    anomaly: Callable[[str, str], None], level: str
) -> None:
    def body() -> None:
        with database(SETUP) as dsn:
            anomaly(dsn, level)

    # Three serializable transactions have too many classes: one preemption is enough for this one.
    how: dict[str, object] = {"strategy": "exhaustive"}
    if anomaly is read_only:
        how = {"strategy": "bounded", "preemptions": 1}
    found = explore(body, points="sync", patience_s=10, seconds=120, executions=5000, **how)
    expected = "reproduced" if level in ALLOWED[anomaly] else "ruled out"
    assert found.verdict == expected, found.report(200)
    if expected == "reproduced":
        assert found.replays == (3, 3)
