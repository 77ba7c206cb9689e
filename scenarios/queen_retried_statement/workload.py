"""Two consumers mark a message that they lock without waiting; both have to succeed."""

import threading

import psycopg

from pytest_racecheck.leasequeue import filled, run_tx
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages)) as dsn:

        def consume(number):
            def mark(connection):
                connection.execute("select 1 from message where id = 1 for update nowait")
                connection.execute("update message set payload = payload || '+' where id = 1")

            with psycopg.connect(dsn) as connection:
                run_tx(connection, mark, retry=system.RETRY, attempts=5)

        together(consume, threads)
        with psycopg.connect(dsn) as connection:
            (payload,) = connection.execute("select payload from message where id = 1").fetchone()
    assert payload == "1/1" + "+" * threads


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
