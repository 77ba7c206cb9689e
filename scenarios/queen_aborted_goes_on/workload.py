"""Two consumers lock one message without waiting; neither fails for the other."""

import threading

import psycopg

from pytest_racecheck.leasequeue import attempt, filled
from pytest_racecheck.postgres import database

LOCK = "select id from message where id = 1 for update nowait"


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages)) as dsn:

        def consume(number):
            with psycopg.connect(dsn) as connection:
                taken = attempt(connection, LOCK, on_error=system.ON_ERROR)
                note = "took it" if taken else "passed it by"
                connection.execute("insert into message (part, payload) values (1, %s)", [note])

        together(consume, threads)
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("select payload from message where id > 1").fetchall()
    assert len(rows) == threads


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
