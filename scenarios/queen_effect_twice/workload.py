"""Two consumers mark a message and tell somebody; each tells once."""

import threading

import psycopg

from pytest_racecheck.leasequeue import filled, run_tx
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages)) as dsn:
        told = []

        def consume(number):
            def mark(connection):
                connection.execute("select 1 from message where id = 1 for update nowait")
                connection.execute("update message set payload = payload || '+' where id = 1")

            with psycopg.connect(dsn) as connection:
                system.mark_and_tell(run_tx, connection, mark, lambda: told.append(number))

        together(consume, threads)
    assert sorted(told) == list(range(threads))


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
