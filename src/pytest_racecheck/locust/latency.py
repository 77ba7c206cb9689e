"""The program that measures how late heartbeats are, policy by policy, against our own master."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from pytest_racecheck.arguments import Parser, number
from pytest_racecheck.errors import UsageError
from pytest_racecheck.locust.histogram import Row, bar, bin_names, row, seconds, svg
from pytest_racecheck.locust.program import FAILED, require_zeromq, start

NAME = "locust.latency"
POLICIES = (
    "lock_blocking",
    "lock_timeout(1000)",
    "lock_timeout(300)",
    "lock_timeout(100)",
    "lock_timeout(10)",
    "lock_timeout_yield(100)",
    "lock_fair(100)",
    "lock_dontwait(latest)",
    "single_owner",
    "single_owner_priority",
)
WIDE = 160  # columns, where the output is no terminal


def main(words: Sequence[str]) -> int:
    """0 every policy got heartbeats out, 1 some got none, 2 misuse, 3 a library is missing."""
    options = _parser().parse_args(words)
    require_zeromq(NAME)
    from pytest_racecheck.locust.policies import policy

    names = options.policy or POLICIES
    for name in names:
        policy(name)  # a mistake is said before anything is measured
    rows = [measure(name, options.seconds, 1 / options.rate) for name in names]
    show(rows)
    if options.svg is not None:
        title = f"From queueing a heartbeat to the return of its send; {options.rate:g} a second"
        write(options.svg, svg(rows, title))
    return FAILED if any(not sum(one.counts) for one in rows) else 0


def measure(name: str, seconds_each: float, interval_s: float) -> Row:
    """Run one worker of the policy for so long over tcp, and a master that answers heartbeats."""
    import zmq

    from pytest_racecheck.locust.master_state import MasterState
    from pytest_racecheck.locust.policies import policy
    from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own
    from pytest_racecheck.locust.roles import Timing, Worker
    from pytest_racecheck.locust.serving import Master, bind

    chosen = policy(name)
    with context_of_its_own() as context:
        router = bind(context, BIND["tcp"])
        endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
        link = chosen.connect(context, endpoint, NODE)
        worker = Worker(NODE, link, chosen.outbox(), timing=Timing(interval_s=interval_s))
        worker.start()
        master = Master(router, MasterState(), interval_s=min(1.0, seconds_each))
        # Half an interval more: at a heartbeat's own moment it would be counted as not sent.
        end_s = time.monotonic() + seconds_each + interval_s / 2
        master.serve(lambda _: time.monotonic() >= end_s)
        queued, sent = worker.state.beats, tuple(worker.latencies_s)
        master.send(master.state.quit())
        worker.join()
        router.close()
    return row(name, sent, max(0, queued - len(sent)))


def show(rows: Sequence[Row]) -> None:
    """Print the table: a bar for each bin, as long as its share."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="From queueing a heartbeat to the return of its send")
    table.add_column("policy", no_wrap=True)
    for name in bin_names():
        table.add_column(name, no_wrap=True, justify="center")
    for name in ("p50", "p90", "worst", "unsent"):
        table.add_column(name, no_wrap=True, justify="right")
    for one in rows:
        total = sum(one.counts) + one.unsent
        bars = [bar(count, total) for count in one.counts]
        times = [seconds(value) for value in (one.median_s, one.p90_s, one.worst_s)]
        table.add_row(one.policy, *bars, *times, str(one.unsent))
    Console(width=None if Console().is_terminal else WIDE).print(table)


def write(file: Path, text: str) -> None:
    """Raises UsageError when the file cannot be written."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{NAME}: {file} cannot be written: {problem.strerror}") from problem
    print(f"The picture is in {file}.")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=NAME, description="Heartbeat latencies of the policies, as measured here.")
    add = parser.add_argument
    add("--policy", action="append", metavar="NAME", help="this one (again for more; all of them)")
    add("--seconds", type=number(float, 0.1, 86_400), default=6.0, help="for each policy (6)")
    add("--rate", type=number(float, 0.1, 1000), default=1.0, help="heartbeats a second (1)")
    add("--svg", type=Path, metavar="FILE", help="draw the picture, too")
    return parser


if __name__ == "__main__":
    start(main)
