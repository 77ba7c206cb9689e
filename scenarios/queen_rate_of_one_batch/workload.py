"""Two consumers drain a queue; their rates add up to the total, or no rate is told."""

import threading
import time

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, TooShort, filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=threads, messages=messages)) as dsn:
        began_s = time.monotonic()

        def consume(number):
            with psycopg.connect(dsn) as connection:
                mine = LeaseQueue(connection, f"consumer {number}")
                mine.ack(mine.pop([number + 1], messages))
                time.sleep(0.5)  # the work

        together(consume, threads)
        took_s = time.monotonic() - began_s
    total = messages * threads
    try:
        told = system.rate(total, [1] * threads, took_s)
    except TooShort:
        return
    assert abs(told * threads - total / took_s) < 0.01 * total / took_s


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
