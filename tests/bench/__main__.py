"""python -m tests.bench: executions per second, next to free threads and to the rivals."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from tests.bench.programs import PROGRAMS
from tests.bench.rounds import RIVALS, Plan, compete
from tests.bench.show import markdown, own_troubles, put_into, show


def main(argv: list[str]) -> int:
    """Measure (or read) results, and print them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=_positive, default=0.5, help="of each measurement")
    parser.add_argument("--rounds", type=_count, default=5, help="how often all are measured")
    parser.add_argument("--program", choices=PROGRAMS, action="append", help="only this one")
    parser.add_argument("--no-rivals", action="store_true", help="ours and free threads only")
    parser.add_argument("--one-cpu", action="store_true", help="keep everybody on the same CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--read", type=Path, metavar="FILE", help="show these; measure nothing")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the results into this page")
    asked = parser.parse_args(argv)
    if asked.read:
        results = json.loads(asked.read.read_text())
    else:
        results = compete(_plan(asked), lambda text: print(text, file=sys.stderr, flush=True))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if asked.page:
        asked.page.write_text(put_into(asked.page.read_text(), results))
    if asked.markdown:
        print(markdown(results))
    else:
        show(results)
    return 1 if own_troubles(results) else 0


def _plan(asked: argparse.Namespace) -> Plan:
    plan = Plan(seconds=asked.seconds, rounds=asked.rounds)
    if asked.program:
        plan = replace(plan, programs=tuple(PROGRAMS[name] for name in asked.program))
    if asked.no_rivals:
        plan = replace(plan, contestants=tuple(c for c in plan.contestants if c.tool not in RIVALS))
    if asked.one_cpu:
        plan = replace(plan, cpu=min(os.sched_getaffinity(0)))
    return plan


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"expected a number of rounds from 1 on, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
