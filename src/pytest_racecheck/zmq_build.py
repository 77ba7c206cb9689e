"""Builds libzmq with its draft API, and a pyzmq against it, into the user's cache."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from pytest_racecheck import zmq_draft, zmq_sources
from pytest_racecheck.build_steps import Steps
from pytest_racecheck.errors import MissingDependency
from pytest_racecheck.zmq_draft import Draft, enable_command

LOCK_PATIENCE_S = 1800.0  # another process builds: two builds on a slow machine

Say = Callable[[str], None]

# Asked of a child, because a Python that has imported one pyzmq cannot import another.
_CHECK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import zmq
context = zmq.Context()
context.socket(zmq.SERVER).close(0)
context.term()
print(json.dumps([zmq.zmq_version(), zmq.__version__, zmq.__file__]))
"""


def enable(source: str | None, say: Say) -> Draft:
    """Makes `draft_site` answer; quick where it does already. `say` hears what is being done.

    source: a tar of libzmq (file or address), None for Debian's. Raises MissingDependency with one
    sentence that says what to do. Whatever happens, the cache holds whole builds only: each is
    made in a folder of its own, tried, and then renamed.
    """
    pyzmq = zmq_draft.installed_pyzmq()
    if pyzmq is None:
        raise MissingDependency(
            "pyzmq is not installed in this Python, so there is nothing to give the draft API to: "
            "pip install 'pytest-racecheck[zeromq]'"
        )
    folder = _writable(zmq_draft.cache_folders())
    with _only_one(folder, say):
        for left_over in folder.glob("building-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="building-", dir=folder) as scratch:
            return _enable(source, pyzmq, folder, Steps(Path(scratch), folder, say))


def _enable(source: str | None, pyzmq: str, folder: Path, steps: Steps) -> Draft:
    present = zmq_draft.found()
    if present and source is None and _works(present.site, steps):
        return present
    archive = zmq_sources.obtain(source, steps.scratch)
    if present and present.sha256 == archive.sha256 and _works(present.site, steps):
        return present
    sources = zmq_sources.unpack(archive, steps.scratch / "libzmq")
    prefix = folder / f"libzmq-{sources.version}-{archive.sha256[:12]}-{platform.machine()}"
    if not prefix.is_dir():
        _build_libzmq(sources, prefix, steps)
    site = prefix.with_name(f"{zmq_draft.key(pyzmq)}-with-{prefix.name}")
    _build_pyzmq(pyzmq, prefix, site, steps)
    draft = Draft(str(site), str(prefix), sources.version, pyzmq, archive.origin, archive.sha256)
    written = steps.scratch / "note.json"
    written.write_text(json.dumps(asdict(draft), indent=1) + "\n")
    written.replace(zmq_draft.note(folder, pyzmq))
    steps.forget_log()
    return draft


def _build_libzmq(sources: zmq_sources.Sources, prefix: Path, steps: Steps) -> None:
    """Installs into a staging root first, so that `prefix` appears whole or not at all."""
    steps.need_compiler()
    cmake, build, stage = steps.cmake(), steps.scratch / "build", steps.scratch / "stage"
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_INSTALL_PREFIX": prefix,
        "CMAKE_INSTALL_LIBDIR": "lib",
        "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # CMake 4 refuses what libzmq asks for
        "ENABLE_DRAFTS": "ON",
        "BUILD_STATIC": "OFF",
        "BUILD_TESTS": "OFF",
        "WITH_DOCS": "OFF",
        "WITH_PERF_TOOL": "OFF",
        "WITH_LIBSODIUM": "OFF",  # the same library whether or not these are installed
        "WITH_TLS": "OFF",
        "ENABLE_WS": "OFF",
    }
    steps.run(
        f"configuring libzmq {sources.version}",
        [*cmake, "-S", sources.folder, "-B", build, *(f"-D{k}={v}" for k, v in options.items())],
    )
    steps.run(
        f"compiling libzmq {sources.version} with its draft API",
        [cmake[0], "--build", build, "--parallel", str(usable_cpus())],
    )
    steps.run(
        f"installing libzmq {sources.version}",
        [cmake[0], "--install", build],
        {"DESTDIR": str(stage)},
    )
    (stage / prefix.relative_to(prefix.anchor)).replace(prefix)


def _build_pyzmq(pyzmq: str, prefix: Path, site: Path, steps: Steps) -> None:
    steps.need_compiler()
    made = steps.scratch / "site"
    steps.pip(
        f"compiling pyzmq {pyzmq} against it",
        # Without pip's cache: it would hand this wheel to other environments, or us their wheel.
        ["--no-cache-dir", "--no-deps", "--no-binary", "pyzmq", f"pyzmq=={pyzmq}"],
        made,
        {"ZMQ_PREFIX": str(prefix), "ZMQ_DRAFT_API": "ON"},
    )
    if not _works(str(made), steps):
        raise MissingDependency(
            f"The pyzmq {pyzmq} that was built has no SERVER socket: are these sources of libzmq "
            f"4.2 or newer? See {steps.keep_log()}, or {zmq_sources.OTHERWISE}."
        )
    shutil.rmtree(site, ignore_errors=True)  # of a note that was lost, or that no longer works
    made.replace(site)


def _works(site: str, steps: Steps) -> bool:
    """Tells whether a fresh Python with `site` first makes a SERVER socket by its pyzmq."""
    answer = steps.ask([sys.executable, "-c", _CHECK, site])
    return answer is not None and json.loads(answer)[2].startswith(site)


def usable_cpus() -> int:
    """The processors that this process may use, which a container may hold below what there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _writable(folders: list[Path]) -> Path:
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise MissingDependency(
        f"None of {', '.join(map(str, folders))} can be written: name a folder that can, "
        f"XDG_CACHE_HOME=/some/folder {enable_command()}"
    )


@contextlib.contextmanager
def _only_one(folder: Path, say: Say) -> Iterator[None]:
    """One build at a time per cache; the kernel gives the lock back however the holder ends."""
    try:
        import fcntl
    except ImportError:
        raise MissingDependency(
            "The draft API can be built on POSIX systems only: run CLIENT/SERVER on Linux"
        ) from None

    def taken() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    with (folder / "lock").open("w") as lock:
        if not taken():
            say(f"another process is building in {folder}; waiting for it")
            deadline_s = time.monotonic() + LOCK_PATIENCE_S
            while not taken():
                if time.monotonic() > deadline_s:
                    raise MissingDependency(
                        f"Another process still builds in {folder} after {LOCK_PATIENCE_S:.0f} s: "
                        f"end it, then {enable_command()}"
                    )
                time.sleep(0.2)
        yield
