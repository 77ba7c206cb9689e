"""Measures one tool on one program in a process of its own: python -m tests.bench.measure ..."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable

from tests.bench.programs import PROGRAMS
from tests.bench.sample import Sample

#: tool -> (module, function); imported late, because a rival may not be installed.
TOOLS = {
    "engine": ("ours", "run"),
    "explore": ("ours", "run_explore"),
    "free": ("free", "run"),
    "frontrun": ("rival_frontrun", "run"),
    "interleave-test": ("rival_interleave", "run"),
}


def main(argv: list[str]) -> int:
    """Print the sample as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("variant")
    parser.add_argument("program")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--cpu", type=int, help="keep the process on this CPU")
    asked = parser.parse_args(argv)
    if asked.cpu is not None:
        os.sched_setaffinity(0, {asked.cpu})
    module, function = TOOLS[asked.tool]
    run: Callable[..., Sample] = getattr(importlib.import_module(f"tests.bench.{module}"), function)
    sample = run(PROGRAMS[asked.program], asked.variant, asked.seconds)
    print(json.dumps(sample.as_json()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
