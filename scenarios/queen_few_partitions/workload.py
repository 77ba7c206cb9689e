"""Two consumers pop once each while leases last; each is to get work."""

import threading

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    parts = system.parts(threads)
    with database(filled(parts=parts, messages=messages)) as dsn:
        worked = []

        def consume(number):
            with psycopg.connect(dsn) as connection:
                mine = LeaseQueue(connection, f"consumer {number}")
                if mine.pop(range(1, parts + 1), 1) is not None:
                    worked.append(number)

        together(consume, threads)
    assert len(worked) == threads, f"{len(worked)} of {threads} consumers had work"


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
