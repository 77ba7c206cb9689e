"""What a variant may need beside Python, whether it is here, and the command that brings it."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_racecheck import zmq_draft
from pytest_racecheck.postgres import binaries
from pytest_racecheck.postgres.binaries import ENABLE
from pytest_racecheck.postgres.servers import DSN_VARIABLE

DRAFT_SITE_VARIABLE = "RACECHECK_ZMQ_DRAFT_SITE"


@dataclass(frozen=True, slots=True)
class Requirement:
    """`missing` says whether it is; `enable` is the command that would change that."""

    what: str
    missing: Callable[[], bool]
    enable: str


def draft_site() -> Path | None:
    """Where a pyzmq with the draft API is, by the environment or the cache; None: nowhere."""
    named = os.environ.get(DRAFT_SITE_VARIABLE)
    return Path(named) if named else zmq_draft.draft_site()


@functools.cache
def _installed_zmq_has_drafts() -> bool:
    """Asks a child, for this process has no other use for zmq."""
    program = "import sys, zmq; sys.exit(not zmq.DRAFT_API)"
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    return asked.returncode == 0


def _not_installed(module: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(module) is None


def _no_postgres() -> bool:
    server = os.environ.get(DSN_VARIABLE) or binaries.find()
    return _not_installed("psycopg")() or not server


REQUIREMENTS = {
    "zeromq": Requirement("pyzmq", _not_installed("zmq"), "pip install 'pytest-racecheck[zeromq]'"),
    "zmq-draft": Requirement(
        "libzmq with its draft API",
        lambda: draft_site() is None and not _installed_zmq_has_drafts(),
        zmq_draft.enable_command(),
    ),
    "postgres": Requirement("psycopg, or a PostgreSQL server,", _no_postgres, ENABLE),
    "pgmq": Requirement("pgmq", _not_installed("pgmq"), "pip install pgmq"),
}


def missing(names: Iterable[str]) -> str | None:
    """What is missing and how to get it, for the first of `names` that is; None: all is here."""
    for name in names:
        requirement = REQUIREMENTS[name]
        if requirement.missing():
            return f"{requirement.what} is missing; enable it with: {requirement.enable}"
    return None
