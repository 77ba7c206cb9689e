"""Two consumers claim, work longer than the lease, and acknowledge after a check.

A lease of 0 s stands for work that lasts longer than its lease, whatever the schedule.
"""

import threading

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages)) as dsn:
        accepted = []

        def consume(number):
            with psycopg.connect(dsn) as connection:
                mine = LeaseQueue(connection, system.OWNER(number), fence=system.FENCE, lease_s=0)
                batch = mine.pop([1], messages)
                connection.commit()
                if batch is not None:
                    count = mine.ack(batch)
                    connection.commit()
                    accepted.append((batch.epoch, count))

        together(consume, threads)
    counted = sum(count for _, count in accepted)
    assert counted == messages, f"accepted (epoch, messages): {accepted}"


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
