"""python -m tests.bench.minimal: how small failures of the bench programs become."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.bench.minimal.fewest import can_pass, fewest
from tests.bench.minimal.measuring import cases, failing_schedule
from tests.bench.minimal.table import show
from tests.bench.sctbench.programs import PROGRAMS

#: Schedules until the bug: an hour, which is a search of its own.
RARE = ("safestack",)
#: Of a program that always fails there is no order that decides.
TRIES = 300


def main(argv: list[str]) -> int:
    """Measure (or read) results, and print them."""
    asked = _parser().parse_args(argv)
    if asked.read:
        show(json.loads(asked.read.read_text()))
        return 0
    names = asked.programs.split(",") if asked.programs else [n for n in PROGRAMS if n not in RARE]
    file = asked.schedules
    known = json.loads(file.read_text()) if file and file.exists() else {}
    results: dict[str, Any] = {}
    for name in names:
        results[name] = _program(name, asked, known)
        if file:
            file.write_text(json.dumps(known, indent=0) + "\n")
        print(f"{name}: {len(results[name]['cases'])} failures", file=sys.stderr, flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")
    show(results)
    return 0


def _program(name: str, asked: argparse.Namespace, known: dict[str, str | None]) -> dict[str, Any]:
    found = []
    for strategy in asked.strategies.split(","):
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            key = f"{name}/{strategy}/{seed}"
            if key not in known:
                known[key] = failing_schedule(name, strategy, seed)
            if known[key] is not None:
                found.append((strategy, seed, known[key]))
    done = list(cases(name, found))
    least = {}
    for identity in sorted({case.identity for case in done}):
        proved = fewest(name, identity, seconds=asked.seconds)
        least["|".join(identity)] = [proved.least, proved.how]
    return {
        "cases": [case.as_json() for case in done],
        "fewest": least,
        "passes": can_pass(name, TRIES),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.minimal", description=__doc__)
    parser.add_argument("--programs", help="a,b,c; all without")
    parser.add_argument("--strategies", default="pos,surw", help="that find the failures")
    parser.add_argument("--seeds", type=int, default=4, help="failures of each strategy")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--seconds", type=float, default=20, help="CPU time to prove the fewest preemptions"
    )
    parser.add_argument(
        "--schedules",
        type=Path,
        metavar="FILE",
        help="failing schedules: read from there, and written there when they have to be found",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--read", type=Path, metavar="FILE", help="show these; measure nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
