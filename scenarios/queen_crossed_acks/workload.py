"""Two consumers mark the same two messages in one transaction each, as the client lists them."""

import threading

import psycopg

from pytest_racecheck.leasequeue import filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages)) as dsn:

        def acknowledge(number):
            asked = [1, 2] if number == 0 else [2, 1]
            with psycopg.connect(dsn) as connection:
                for message in system.order(asked):
                    connection.execute(
                        "update message set payload = payload || '+' where id = %s", [message]
                    )

        together(acknowledge, threads)
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("select payload from message order by id").fetchall()
    assert rows == [("1/1++",), ("1/2++",)]


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
