"""Two consumers drain a partition, one of them killed on its way; messages are conserved.

A delivery is written in the transaction of its acknowledgement. A lease of 0 s has always expired.
"""

import threading

import psycopg

from pytest_racecheck.leasequeue import LeaseQueue, Ledger, filled, pushed_messages
from pytest_racecheck.postgres import database

TABLE = "create table delivered (nr bigint generated always as identity, part int, message bigint);"
DELIVER = "insert into delivered (part, message) values (%s, %s)"


def run(system, *, threads, messages):
    with database(filled(parts=1, messages=messages) + TABLE) as dsn:

        def consume(number):
            with psycopg.connect(dsn) as connection:
                queue = LeaseQueue(connection, f"{number}", fence=system.FENCE, lease_s=0)
                done = 0
                while (batch := queue.pop([1], 1)) is not None:
                    connection.commit()
                    if number == 0 and done:
                        kill(connection)
                        break
                    if queue.ack(batch):
                        connection.execute(DELIVER, [1, batch.messages[0][0]])
                    connection.commit()
                    done += 1

        def kill(connection):
            with psycopg.connect(dsn, autocommit=True) as other:
                other.execute(
                    "select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid]
                )
            connection.close()

        together(consume, threads)
        consume(threads)  # what a killed one, or one that saw a held lease, has left
        ledger = Ledger()
        with psycopg.connect(dsn) as connection:
            for part, message in connection.execute(
                "select part, message from delivered order by nr"
            ):
                ledger.accept(part, [message])
            ledger.verify(pushed_messages(connection))


def together(work, threads):
    """Run it in that many threads, each given its number, to the end of all."""
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
