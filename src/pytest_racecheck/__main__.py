"""Makes `python -m pytest_racecheck` the same as the command `racecheck`."""

from __future__ import annotations

import sys

from pytest_racecheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
