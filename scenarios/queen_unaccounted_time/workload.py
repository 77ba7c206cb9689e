"""A consumer polls for a message that comes after 2 s; its timers add up to the total."""

import threading
import time

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, Timing, filled
from pytest_racecheck.postgres import database


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=0)) as dsn:
        timing = Timing()

        def produce():
            time.sleep(2)
            with psycopg.connect(dsn) as connection:
                LeaseQueue(connection, "producer").push(1, "late")

        producer = threading.Thread(target=produce)
        producer.start()
        with timing.part("connection"):
            connection = psycopg.connect(dsn)
        with connection:
            consumer = LeaseQueue(connection, "consumer")
            while system.pop(timing, consumer, connection) is None:
                system.pause(timing, 0.5)
        timing.stop()
        producer.join()
    assert timing.unaccounted_share < 0.1, f"{timing.unaccounted_s} of {timing.total_s} s"
