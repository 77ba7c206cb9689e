"""Says what is here, what is missing, and the command that would bring it: `racecheck doctor`."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from pytest_racecheck import zmq_build, zmq_draft
from pytest_racecheck.errors import RacecheckError, UsageError
from pytest_racecheck.postgres import binaries
from pytest_racecheck.postgres.servers import DSN_VARIABLE

ENABLES = ("zmq-draft",)
ASK_PATIENCE_S = 60.0

_ASK_LIBZMQ = "import json, zmq; print(json.dumps([zmq.zmq_version(), bool(zmq.DRAFT_API)]))"


@dataclass(frozen=True)
class Fact:
    """One line of the report: what, how it stands, and the command where something is missing."""

    what: str
    state: str
    enable: str | None = None


def run(enable: str | None = None, source: str | None = None) -> int:
    """Prints the report, or enables one thing; returns the exit status.

    0: reported, or enabled. 2: asked for something unknown. 3: it cannot be enabled here.
    """
    try:
        if enable is None and source is not None:
            raise UsageError("--source goes with --enable zmq-draft: it names the sources to build")
        if enable is None:
            _show(facts())
        else:
            _enable(enable, source)
    except RacecheckError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_status
    return 0


def facts() -> list[Fact]:
    """What the report says, in its order; imports none of the libraries it speaks about."""
    return [
        Fact("Python", f"{platform.python_version()}, {sys.executable}"),
        *(_distribution(name, None) for name in ("pytest-racecheck", "pytest", "rich", "bytecode")),
        _distribution("pyzmq", "zeromq"),
        _distribution("msgpack", "zeromq"),
        *_libzmq(),
        _distribution("psycopg", "postgres"),
        _postgres(),
        _distribution("hypothesis", "hypothesis"),
        _distribution("pytest-xdist", "xdist"),
        Fact("processors", f"{os.cpu_count()}, {zmq_build.usable_cpus()} for this process"),
        Fact("cache folder", str(zmq_draft.cache_folders()[0].parent)),
    ]


def _enable(what: str, source: str | None) -> None:
    if what not in ENABLES:
        raise UsageError(f"Nothing is called {what} here: --enable knows {', '.join(ENABLES)}")
    draft = zmq_build.enable(source, say=lambda text: print(f"zmq-draft: {text}", flush=True))
    print(f"zmq-draft: ready, libzmq {draft.libzmq} with pyzmq {draft.pyzmq} in {draft.site}")


def _distribution(name: str, extra: str | None) -> Fact:
    try:
        return Fact(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        wanted = f"pytest-racecheck[{extra}]" if extra else name
        return Fact(name, "not installed", f"pip install '{wanted}'")


def _postgres() -> Fact:
    """Which PostgreSQL server a run would use; starts none."""
    given = os.environ.get(DSN_VARIABLE)
    if given:
        return Fact("PostgreSQL", f"the server that {DSN_VARIABLE} names")
    found = binaries.find()
    if found is None:
        return Fact("PostgreSQL", "no server here", binaries.ENABLE)
    return Fact("PostgreSQL", f"{found.version}, of {found.origin} ({found.folder})")


def _libzmq() -> list[Fact]:
    """libzmq as the installed pyzmq has it, and where CLIENT and SERVER would come from."""
    try:
        importlib.metadata.version("pyzmq")
    except importlib.metadata.PackageNotFoundError:
        return []
    installed = _ask_libzmq()
    if installed is None:
        reinstall = "pip install --force-reinstall pyzmq"
        return [Fact("libzmq", "unknown, pyzmq cannot be imported", reinstall)]
    version, draft_inside = installed
    kind = "with" if draft_inside else "without"
    draft = zmq_draft.found()
    return [
        Fact("libzmq", f"{version}, with pyzmq, {kind} draft API"),
        Fact("draft API", f"libzmq {draft.libzmq} in {draft.site}")
        if draft
        else Fact("draft API", "not built (CLIENT, SERVER)", zmq_draft.enable_command()),
    ]


def _ask_libzmq() -> tuple[str, bool] | None:
    """Version and draft API of the installed pyzmq, asked of a child; None: it does not answer."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK_LIBZMQ],
            capture_output=True,
            text=True,
            timeout=ASK_PATIENCE_S,
            check=True,
        )
        version, draft = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return version, draft


def _show(rows: list[Fact]) -> None:
    write = _writer()
    width = max(len(row.what) for row in rows)
    for row in rows:
        write(f"{row.what:<{width}}  {row.state}", missing=row.enable is not None)
        if row.enable is not None:
            write(f"{'':<{width}}  enable it: {row.enable}")


def _writer() -> Callable[..., None]:
    """Lines that are never wrapped, because paths and commands in them are there to be copied."""
    from rich.console import Console  # late: slow, and `--enable` has no need of it

    console = Console(soft_wrap=True, highlight=False)

    def write(line: str, *, missing: bool = False) -> None:
        console.print(line, style="yellow" if missing else None, markup=False)

    return write
