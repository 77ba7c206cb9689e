"""Two consumers go off duty unless they would be the last; one has to stay, and none to fail."""

import threading

import psycopg

from pytest_racecheck.leasequeue import run_tx
from pytest_racecheck.postgres import database

DUTY = "create table duty (id, here) as values (0, true), (1, true)"


def run(system, *, threads, messages):
    with database(DUTY) as dsn:

        def leave(number):
            def work(connection):
                (here,) = connection.execute("select count(*) from duty where here").fetchone()
                if here > 1:
                    connection.execute("update duty set here = false where id = %s", [number])

            with psycopg.connect(dsn) as connection:
                connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
                run_tx(connection, work, retry=system.RETRY)

        together(leave, threads)
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("select id from duty where here").fetchall()
    assert len(rows) == 1


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
