"""Starts a PostgreSQL server in a private folder, which ends, folder and all, when we do.

Only the programs are used.  A shell is the server's parent: it waits for a word from us, or for the
end of its input, which the kernel brings about when this process is killed; then it stops the
server and removes the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pytest_racecheck import zmq_draft
from pytest_racecheck.errors import MissingDependency, RacecheckError
from pytest_racecheck.postgres.binaries import Binaries

#: Every lock wait is told at once to the session that waits, after its only search for a deadlock.
TELLING = {
    "log_lock_waits": "on",
    "deadlock_timeout": "1ms",
    "client_min_messages": "log",
}
_SETTINGS = {
    **TELLING,
    "lc_messages": "C",
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "max_prepared_transactions": "8",
    "log_min_messages": "fatal",
}
_FROM_18 = {"io_method": "sync"}
_INITDB = (
    *("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"),
    *("--no-sync", "--no-instructions", "--wal-segsize=1"),
)
_LEAST_FREE = 512 * 2**20
_SHARED_MEMORY = "/dev/shm"
_START_PATIENCE_S = 30.0
_STOP_PATIENCE_S = 15.0
_LOOK_S = 2e-3
_USERS = ("postgres", "nobody")
#: $1: where everything of this server lies; the rest: the command that is the server.
_KEEPER = """
folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null &
server=$!
echo $server >"$folder/server"
read -r _
kill -QUIT $server 2>/dev/null
wait $server
cd /
rm -rf "$folder"
"""


@dataclass(eq=False, slots=True)
class Running:
    """A server that we started: its folder, its socket's folder, and the shell that keeps it."""

    folder: Path
    version: str
    keeper: subprocess.Popen[bytes]
    pid: int  # of the process that started it: a fork of it must leave it alone

    @property
    def dsn(self) -> str:
        """What to connect with, to the database ``postgres``."""
        return f"host={self.folder} port=5432 user=postgres dbname=postgres"

    def ended(self) -> bool:
        """Whether the server is no longer there, although nobody stopped it."""
        try:
            number = int((self.folder / "server").read_text())
            stat = Path(f"/proc/{number}/stat").read_text()
        except ValueError:
            return False  # the shell has not come so far
        except OSError:
            return self.keeper.poll() is not None or (self.folder / "server").exists()
        return stat.rpartition(")")[2].split()[0] in "ZX"

    def last_words(self) -> str:
        """The end of the server's log, in one line; empty when it said nothing."""
        try:
            text = (self.folder / "log").read_text(errors="replace")
        except OSError:
            return ""
        return " / ".join(line.strip() for line in text.splitlines()[-3:])

    def stop(self) -> None:
        """End the server and remove its folder; again: nothing."""
        if self.pid != os.getpid() or self.keeper.stdin is None or self.keeper.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self.keeper.stdin.write(b"stop\n")
            self.keeper.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            self.keeper.stdin.close()
        try:
            self.keeper.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.keeper.kill()
            self.keeper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def launch(binaries: Binaries) -> Running:
    """Start a server with a new, empty cluster; returns once it answers.

    Raises RacecheckError, with what the server said, when it does not come up.
    """
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="racecheck-pg-", dir=_room()))
    try:
        if owner:
            shutil.chown(folder, owner["user"], owner["group"])
        usable = _readable(binaries, folder, owner)
        _make_cluster(usable, folder, owner)
        keeper = _start(usable, folder, owner)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    running = Running(folder, binaries.version, keeper, os.getpid())
    try:
        _wait_until_it_answers(running)
    except BaseException:
        running.stop()
        raise
    return running


def _owner() -> dict[str, Any]:
    """Whom the server's processes belong to: PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    for name in _USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise MissingDependency(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)} to run it "
        "as; name a server of your own: --racecheck-postgres=DSN"
    )


def _room() -> str | None:
    """Memory when there is enough of it, else the folder for temporary files."""
    try:
        room = os.statvfs(_SHARED_MEMORY)
    except OSError:
        return None
    enough = room.f_bavail * room.f_frsize >= _LEAST_FREE
    return _SHARED_MEMORY if enough and os.access(_SHARED_MEMORY, os.W_OK) else None


def _readable(binaries: Binaries, folder: Path, owner: dict[str, Any]) -> Binaries:
    """The same programs, copied when the server's user could not reach them where they are."""
    if not owner or _can_be_run(binaries.folder / "postgres", owner):
        return binaries
    copy = folder / "copy" / "package" / binaries.root.name
    shutil.copytree(binaries.root, copy, symlinks=True)
    if binaries.libraries is not None:
        shutil.copytree(binaries.libraries, folder / "copy" / binaries.libraries.name)
    (folder / "copy").chmod(0o755)
    return Binaries(copy / "bin", binaries.origin)


def _can_be_run(program: Path, owner: dict[str, Any]) -> bool:
    try:
        tried = subprocess.run([program, "--version"], capture_output=True, check=False, **owner)
    except OSError:
        return False
    return tried.returncode == 0


def _make_cluster(binaries: Binaries, folder: Path, owner: dict[str, Any]) -> None:
    """A new cluster in ``folder``/data: unpacked from the cache when it was made before."""
    packed = _cache(binaries)
    if packed is not None and packed.is_file():
        with packed.open("rb") as archive:
            _run(["tar", "-xf", "-", "-C", str(folder)], owner, archive)
        return
    _run([str(binaries.folder / "initdb"), "-D", str(folder / "data"), *_INITDB], owner)
    if packed is not None:
        _keep(folder, packed)


def _cache(binaries: Binaries) -> Path | None:
    """Where the packed cluster of these programs is kept."""
    made_with = hashlib.sha256(" ".join((binaries.version, *_INITDB)).encode()).hexdigest()[:12]
    name = f"cluster-{binaries.version}-{os.uname().machine}-{made_with}.tar"
    return next((place.parent / "postgres" / name for place in zmq_draft.cache_folders()), None)


def _keep(folder: Path, packed: Path) -> None:
    """Pack the new cluster; a cache that cannot be written costs time and nothing else."""
    part = packed.with_suffix(f".{os.getpid()}.part")
    try:
        packed.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as archive:
            _run(["tar", "-cf", "-", "-C", str(folder), "data"], {}, None, archive)
        part.replace(packed)
    except (OSError, RacecheckError):
        part.unlink(missing_ok=True)


def _run(
    command: list[str],
    owner: dict[str, Any],
    given: IO[bytes] | None = None,
    result: IO[bytes] | None = None,
) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=given or subprocess.DEVNULL,
            stdout=result or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            cwd="/",
            check=False,
            **owner,
        )
    except OSError as error:
        raise RacecheckError(f"PostgreSQL: {command[0]} could not be run: {error}") from None
    if done.returncode:
        said = " / ".join(done.stderr.decode(errors="replace").split("\n")[-4:]).strip(" /")
        advice = "give a server of your own with --racecheck-postgres=DSN"
        raise RacecheckError(f"PostgreSQL: {os.path.basename(command[0])} failed: {said}; {advice}")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _start(binaries: Binaries, folder: Path, owner: dict[str, Any]) -> subprocess.Popen[bytes]:
    newer = int(binaries.version.partition(".")[0]) >= 18
    settings = {**_SETTINGS, **(_FROM_18 if newer else {}), "unix_socket_directories": str(folder)}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = [str(binaries.folder / "postgres"), "-D", str(folder / "data"), *words]
    return subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, "racecheck", str(folder), *server],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd="/",
        start_new_session=True,
        **owner,
    )


def _wait_until_it_answers(running: Running) -> None:
    from psycopg import pq

    from pytest_racecheck.engine.clock import (
        real_monotonic_s,
        real_sleep_s,
    )  # the command starts without

    end_s = real_monotonic_s() + _START_PATIENCE_S
    while True:
        if (running.folder / ".s.PGSQL.5432").exists():
            tried = pq.PGconn.connect(running.dsn.encode())
            answers = tried.status == pq.ConnStatus.OK
            tried.finish()
            if answers:
                return
        words = running.last_words()
        if running.ended() or real_monotonic_s() > end_s:
            raise RacecheckError(
                f"PostgreSQL {running.version} did not come up in {running.folder}: "
                f"{words or 'it said nothing'}; free space there, or give a server of your own "
                "with --racecheck-postgres=DSN"
            )
        real_sleep_s(_LOOK_S)
