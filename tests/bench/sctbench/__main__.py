"""python -m tests.bench.sctbench: schedules to the first bug, beside the published numbers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.bench.sctbench.campaign import Wishes, run
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.show import markdown, put_into, show, troubles
from tests.bench.sctbench.variants import hunters


def main(argv: list[str]) -> int:
    """Measure (or read) results, and print them."""
    asked = _parser().parse_args(argv)
    if asked.read:
        results = json.loads(asked.read.read_text())
    else:
        results = run(_wishes(asked), lambda text: print(text, file=sys.stderr, flush=True))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if asked.page:
        asked.page.write_text(put_into(asked.page.read_text(), results))
    if asked.markdown:
        print(markdown(results))
    else:
        show(results)
    return 1 if troubles(results).rows else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sctbench", description=__doc__)
    usual = Wishes()
    parser.add_argument("--seeds", type=_count, default=usual.seeds, help="of each strategy")
    parser.add_argument(
        "--default-seeds", type=_count, default=usual.default_seeds, help="of the portfolio"
    )
    parser.add_argument("--cap", type=_count, default=usual.cap, help="schedules of one seed")
    parser.add_argument("--programs", type=_among(tuple(PROGRAMS)), help="a,b,c; all without")
    parser.add_argument("--strategies", type=_among(hunters()), help="a,b,c; all without")
    parser.add_argument(
        "--seconds", type=_positive, default=usual.minutes * 60, help="of the whole run"
    )
    parser.add_argument(
        "--twins", type=_number, default=usual.twins, help="schedules of each fixed twin"
    )
    parser.add_argument("--workers", type=_count, default=usual.workers, help="processes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--read", type=Path, metavar="FILE", help="show these; measure nothing")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the results into this page")
    return parser


def _wishes(asked: argparse.Namespace) -> Wishes:
    return Wishes(
        programs=asked.programs or tuple(PROGRAMS),
        labels=asked.strategies or (),
        seeds=asked.seeds,
        default_seeds=asked.default_seeds,
        cap=asked.cap,
        twins=asked.twins,
        minutes=asked.seconds / 60,
        workers=asked.workers,
    )


def _among(known: tuple[str, ...]):
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return names

    return parse


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 360_000:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text}")
    return value


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, got {text}")
    return value


def _count(text: str) -> int:
    if _number(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
