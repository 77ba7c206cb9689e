"""How many bugs near misses find, and what the delays cost: python -m tests.bench.nearmiss."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.free.nearmiss_programs.all_programs import AFTERWARDS, ALL
from tests.free.nearmiss_programs.twins import Program

from pytest_racecheck import Verdict
from pytest_racecheck.diagnosis.nearmiss_pairs import Saved
from pytest_racecheck.diagnosis.nearmiss_search import NearMissPlan, nearmiss_plan
from pytest_racecheck.free.nearmiss.births import threads_noted

ROOT = str(Path(__file__).parents[2])
RUNS = 2


@dataclass
class Row:
    """One program: trials of the broken and of the fixed variant, and plain runs of both."""

    name: str
    kind: str
    trials: int = 0
    found: int = 0
    found_in: list[int] = field(default_factory=list)
    caught: int = 0  # of the found ones, those with two stacks
    false: list[str] = field(default_factory=list)
    plain_failures: int = 0
    plain_s: float = 0.0
    ratios: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Wall time of a run of the fixed variant, gates put in included, over a plain one's."""
        return statistics.median(self.ratios)


def measure(program: Program, trials: int) -> Row:
    """Try one program; each trial begins without anything known."""
    row = Row(program.name, program.kind)
    times = []
    for seed in range(trials):
        row.plain_failures += plain(program.broken)[0]
        times += [plain(program.fixed)[1] for _ in range(RUNS)]
        row.trials += 1
        finding = search(program.broken, program, seed)[0]
        if finding.verdict is Verdict.REPRODUCED:
            row.found += 1
            row.found_in.append(finding.first_failure or 0)
            row.caught += bool(finding.near_misses and finding.near_misses.meetings)
        finding, took_s = search(program.fixed, program, seed)
        if finding.failure is not None:
            row.false.append(finding.failure.message)
        row.ratios.append(took_s / sum(times[-RUNS:]))
    row.plain_s = statistics.median(times)
    return row


def search(body: Callable[[], None], program: Program, seed: int):
    """The finding of two runs, one replay where something was found, and how long it took."""
    plan = NearMissPlan(runs=RUNS, replays=1, unsafe=program.unsafe, seed=seed, root=ROOT)
    began_s = time.monotonic()
    finding = nearmiss_plan(_of_file(body, program), plan, Saved())
    return finding, time.monotonic() - began_s


def _of_file(body: Callable[[], None], program: Program) -> Callable[[], None]:
    def run() -> None:
        body()

    run.files_under_test = (program.body.__code__.co_filename,)  # type: ignore[attr-defined]
    return run


def plain(body: Callable[[], None]) -> tuple[bool, float]:
    """One run without us: whether it failed, and how long it took."""
    began_s = time.monotonic()
    with threads_noted(forward=False) as threads:
        failed = False
        try:
            body()
        except Exception:  # noqa: BLE001 - whatever it is, it is the failure
            failed = True
    return failed or bool(threads.failures), time.monotonic() - began_s


def table(rows: Sequence[Row]) -> list[str]:
    """Markdown."""
    lines = [
        "| program | kind | found in two runs | both stacks | fails without us | a run | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name.replace('_', ' ')} | {row.kind} | {row.found} of {row.trials} "
            f"| {row.caught} | {row.plain_failures} | {row.plain_s * 1000:.0f} ms "
            f"| {row.ratio:.2f} |"
        )
    return lines


def summary(rows: Sequence[Row]) -> list[str]:
    """The three numbers that are asked for, and the load."""
    trials = sum(row.trials for row in rows)
    found = sum(row.found for row in rows)
    always = sum(row.found == row.trials for row in rows)
    often = sum(2 * row.found >= row.trials for row in rows)
    false = sum(len(row.false) for row in rows)
    plain_s = sum(row.plain_s for row in rows)
    with_us_s = sum(row.plain_s * row.ratio for row in rows)
    return [
        f"{len(rows)} programs: {found} of {trials} searches of two runs found the bug "
        f"({found / trials:.0%}); {always} programs in every search, {often} in at least half",
        f"{false} of {trials} searches of the mended programs objected",
        f"wall time {with_us_s / plain_s:.2f} times that without us (all programs together; "
        f"median of the programs {statistics.median(r.ratio for r in rows):.2f}, "
        f"largest {max(r.ratio for r in rows):.2f})",
        f"CPython {sys.version.split()[0]}, {os.cpu_count()} CPUs, load average "
        f"{os.getloadavg()[0]:.1f}",
    ]


def main(argv: list[str]) -> int:
    """Print the table; the status is 1 when a mended program was objected to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.nearmiss", description=__doc__)
    parser.add_argument("--trials", type=int, default=3, help="searches of each variant")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--afterwards", action="store_true", help="those written afterwards")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    asked = parser.parse_args(argv)
    known = AFTERWARDS if asked.afterwards else ALL
    chosen = [one for one in known if asked.program is None or one.name in asked.program]
    rows = []
    for program in chosen:
        rows.append(measure(program, asked.trials))
        print(f"{program.name}: {rows[-1].found}/{rows[-1].trials}", file=sys.stderr, flush=True)
        for message in rows[-1].false:
            print(f"    objected: {message}", file=sys.stderr, flush=True)
    print("\n".join([*table(rows), "", *summary(rows)]))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 1 if any(row.false for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
