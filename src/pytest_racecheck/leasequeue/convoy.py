"""Measures what a blocking claim costs ten consumer processes: ``python -m ...leasequeue.convoy``.

Each pop holds its transaction open for a while, as a long query does.  Printed: messages a second
of each claim, and the ratios; with ``--svg FILE`` a plot of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

from pytest_racecheck.leasequeue.queue import LeaseQueue
from pytest_racecheck.leasequeue.schema import filled

_CLAIMS = ("blocking_upsert", "try_lock", "skip_locked")
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: messages a second of all consumers, and the deadlocks (40P01) that were retried."""

    claim: str
    rate: float
    deadlocks: int


def measure(claim: str, *, consumers: int, parts: int, messages: int, hold_s: float) -> Measured:
    """Drain ``parts`` partitions of ``messages`` each; every pop is held open for ``hold_s``."""
    from pytest_racecheck.postgres import database

    context = multiprocessing.get_context("spawn")
    with database(filled(parts=parts, messages=messages)) as dsn:
        ready, go = context.Barrier(consumers + 1), context.Event()
        deadlocks = context.Value("i", 0)
        given = (dsn, claim, parts, hold_s, ready, go, deadlocks)
        started = [
            context.Process(target=_consume, args=(number, given)) for number in range(consumers)
        ]
        for process in started:
            process.start()
        try:
            ready.wait(120)
            began_s = time.monotonic()
            go.set()
            for process in started:
                process.join()
            took_s = time.monotonic() - began_s
        finally:
            for process in started:
                process.kill()
                process.join()
    return Measured(claim, parts * messages / took_s, deadlocks.value)


def _consume(number: int, given: tuple[Any, ...]) -> None:
    dsn, claim, parts, hold_s, ready, go, count = given
    import psycopg

    dice = random.Random(number)
    order = list(range(1, parts + 1))
    with psycopg.connect(dsn) as connection:
        mine = LeaseQueue(connection, f"consumer {number}", claim=claim)
        ready.wait(120)
        go.wait()
        while _left(connection):
            dice.shuffle(order)
            batch = None
            try:
                batch = mine.pop(order, _BATCH)
                if batch is not None:
                    time.sleep(hold_s)  # the long query
                connection.commit()
                if batch is not None:
                    mine.ack(batch)
                    connection.commit()
            except psycopg.errors.DeadlockDetected:
                connection.rollback()
                with count.get_lock():
                    count.value += 1
            if batch is None:
                time.sleep(0.005)


def _left(connection: Any) -> bool:
    row = connection.execute(
        "select exists (select from message m where not exists "
        "(select from status s where s.message = m.id))"
    ).fetchone()
    connection.commit()
    return bool(row[0])


def plot(results: list[Measured]) -> str:
    """Bars, one a claim, as SVG."""
    most = max(result.rate for result in results)
    bars = []
    for row, result in enumerate(results):
        y, width = 20 + 40 * row, 400 * result.rate / most
        bars.append(f'<rect x="140" y="{y}" width="{width:.0f}" height="24" fill="#4477aa"/>')
        bars.append(f'<text x="130" y="{y + 17}" text-anchor="end">{result.claim}</text>')
        bars.append(f'<text x="{width + 148:.0f}" y="{y + 17}">{result.rate:.0f}/s</text>')
    size = f'width="660" height="{40 * len(results) + 30}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, *bars, "</svg>", ""])


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when it has measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consumers", type=int, default=10, help="processes")
    parser.add_argument("--parts", type=int, default=10, help="partitions")
    parser.add_argument("--messages", type=int, default=2000, help="in each partition")
    parser.add_argument("--hold-ms", type=float, default=100, help="the pop is held open so long")
    parser.add_argument("--svg", metavar="FILE", help="write a plot there")
    given = parser.parse_args(arguments)
    sizes = {"consumers": given.consumers, "parts": given.parts, "messages": given.messages}
    results = [measure(claim, **sizes, hold_s=given.hold_ms / 1000) for claim in _CLAIMS]
    slowest = results[0].rate
    for result in results:
        sys.stdout.write(
            f"{result.claim:16} {result.rate:9.0f} msg/s  {result.rate / slowest:5.2f} times "
            f"{_CLAIMS[0]}  deadlocks {result.deadlocks}\n"
        )
    if given.svg:
        with open(given.svg, "w", encoding="utf-8") as file:
            file.write(plot(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
