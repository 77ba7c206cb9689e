"""Two consumers push a note, try a lock and commit; what was reported as stored is stored."""

import threading

import psycopg

from pytest_racecheck.leasequeue import attempt, filled, run_tx
from pytest_racecheck.postgres import database

NOTE = "insert into message (part, payload) values (1, 'note')"
LOCK = "select id from message where id = 1 for update nowait"


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages)) as dsn:
        reported = []

        def consume(number):
            def work(connection):
                connection.execute(NOTE)
                attempt(connection, LOCK, on_error="swallow")

            with psycopg.connect(dsn) as connection:
                run_tx(connection, work, verify=system.VERIFY, attempts=5)
                reported.append(number)

        together(consume, threads)
        with psycopg.connect(dsn) as connection:
            stored = connection.execute("select 1 from message where payload = 'note'").fetchall()
    assert len(stored) == len(reported) == threads


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
