"""Two consumers without a group mark the same message; it has one status."""

import threading

import psycopg

from pytest_racecheck.postgres import database

MARK = "insert into done values (1, %s) on conflict do nothing"


def run(system, *, threads, messages):
    with database(system.TABLE) as dsn:

        def mark(number):
            with psycopg.connect(dsn) as connection:
                if not connection.execute("select from done where message = 1").fetchall():
                    connection.execute(MARK, [system.GROUP])

        together(mark, threads)
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("select message from done").fetchall()
    assert rows == [(1,)]


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
