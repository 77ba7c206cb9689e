"""Two workers start at once and create what they need if it is not there; both come up."""

import threading

import psycopg

from pytest_racecheck.postgres import database

CREATE = "create table if not exists lease (part int primary key, owner text)"


def run(system, *, threads, messages):
    with database() as dsn:

        def start(number):
            with psycopg.connect(dsn) as connection:
                system.create(connection, CREATE)

        together(start, threads)


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
