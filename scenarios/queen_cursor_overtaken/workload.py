"""Two writers commit in any order; a reader goes on from where it stopped, and misses none."""

import threading

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, deliver, filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=0)) as dsn:
        seen = []

        def write(number):
            with psycopg.connect(dsn) as connection:
                LeaseQueue(connection, "writer").push(1, f"message {number}")

        def read():
            with psycopg.connect(dsn) as connection:
                got, place = deliver(connection, system.CURSOR)
                for writer in writers:
                    writer.join()
                rest, _ = deliver(connection, system.CURSOR, place)
                seen.extend(got + rest)

        writers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
        for writer in writers:
            writer.start()
        read()
    assert sorted(seen) == [f"message {number}" for number in range(threads)]
