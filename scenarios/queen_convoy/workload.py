"""Two consumers, two partitions, and a barrier inside the pop: both must get there at once."""

import threading

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=threads, messages=messages)) as dsn:
        reading = threading.Barrier(threads)
        worked = []

        def consume(number):
            with psycopg.connect(dsn) as connection:
                mine = LeaseQueue(connection, f"consumer {number}", claim=system.CLAIM)
                batch = mine.pop(range(1, threads + 1), messages)
                reading.wait()  # the long query, in the transaction of the claim
                worked.append(batch.part)

        together(consume, threads)
    assert sorted(worked) == list(range(1, threads + 1))


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
