"""Where the sources of libzmq come from: a file, an address, or Debian's source package."""

from __future__ import annotations

import functools
import hashlib
import http.client
import re
import shutil
import subprocess
import tarfile
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pytest_racecheck.errors import MissingDependency

# The original sources of libzmq 4.3.4 in Debian's source package `zeromq3`, known by their digest:
# every machine builds the same library, whatever distribution it runs.
DEBIAN_ADDRESS = "http://deb.debian.org/debian/pool/main/z/zeromq3/zeromq3_4.3.4.orig.tar.gz"
DEBIAN_SHA256 = "0ff5a531c9ffaf0dfdc7dc78d13d1383088f454896d252934c429b2554d10559"

CONNECT_PATIENCE_S = 30.0
DOWNLOAD_PATIENCE_S = 180.0
APT_PATIENCE_S = 300.0
LARGEST_ARCHIVE_BYTES = 100 * 2**20

OTHERWISE = (
    "name the sources yourself: racecheck doctor --enable zmq-draft --source FILE-OR-URL "
    "(a tar.gz of libzmq, such as zeromq3_4.3.4.orig.tar.gz from Debian)"
)


@dataclass(frozen=True)
class Archive:
    """A tar of libzmq's sources on this machine, where it came from, and its SHA-256 in hex."""

    path: Path
    origin: str
    sha256: str


@dataclass(frozen=True)
class Sources:
    """The unpacked sources: their top folder and the version that their header states."""

    folder: Path
    version: str


class _Unavailable(Exception):
    """One way to the sources is closed; says why as half a sentence."""


def obtain(source: str | None, folder: Path) -> Archive:
    """The archive that `source` names (a file or an address; None: Debian's), stored in `folder`.

    Raises MissingDependency, with what to do, where it cannot be had.
    """
    reasons = []
    for way in _ways(source):
        try:
            return way(folder)
        except _Unavailable as exc:
            reasons.append(str(exc))
    raise MissingDependency(
        f"The sources of libzmq cannot be had, {', and '.join(reasons)}; {OTHERWISE}."
    )


def _ways(source: str | None) -> list[Callable[[Path], Archive]]:
    """The ways to try, in order; each stores what it needs in the folder that it is given."""
    if source is None:
        return [_from_debian_server, _from_apt]
    if "://" in source:
        return [functools.partial(_from_address, source)]
    return [functools.partial(_from_file, source)]


def unpack(archive: Archive, folder: Path) -> Sources:
    """Unpacks `archive` below `folder`, and refuses what is not a source tree of libzmq."""
    try:
        with tarfile.open(archive.path) as tar:
            for member in tar:
                if _is_harmless(member):
                    tar.extract(member, folder, **_EXTRACT_SAFELY)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as exc:
        why = str(exc).partition("\n")[0].rstrip(":")
        raise MissingDependency(
            f"{archive.origin} is not a tar archive that can be unpacked ({why}); {OTHERWISE}."
        ) from exc
    for header in sorted(folder.glob("*/include/zmq.h")):
        top = header.parent.parent
        version = _version(header.read_text(errors="replace"))
        if version and (top / "CMakeLists.txt").is_file():
            return Sources(top, version)
    raise MissingDependency(
        f"{archive.origin} holds no sources of libzmq (no include/zmq.h beside a CMakeLists.txt); "
        f"{OTHERWISE}."
    )


# Python 3.11.2, which Debian 12 has, does not know the argument; what it would refuse is left out.
_EXTRACT_SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def _is_harmless(member: tarfile.TarInfo) -> bool:
    """Tells whether it is a file or folder that stays below: libzmq has nothing else."""
    path = PurePosixPath(member.name)
    stays_below = not path.is_absolute() and ".." not in path.parts
    return stays_below and (member.isfile() or member.isdir())


def _version(header: str) -> str:
    """The version that zmq.h states, or nothing where it states none."""
    return ".".join(re.findall(r"define ZMQ_VERSION_(?:MAJOR|MINOR|PATCH)\s+(\d+)", header))


def _from_file(source: str, _folder: Path) -> Archive:
    path = Path(source).expanduser()
    if not path.is_file():
        raise _Unavailable(f"there is no file {source}")
    return _archive(path, str(path.resolve()))


def _from_address(address: str, folder: Path) -> Archive:
    return _archive(_download(address, folder / "sources.tar"), address)


def _from_debian_server(folder: Path) -> Archive:
    archive = _from_address(DEBIAN_ADDRESS, folder)
    if archive.sha256 != DEBIAN_SHA256:
        raise _Unavailable(f"{DEBIAN_ADDRESS} is not the archive that it should be")
    return archive


def _from_apt(folder: Path) -> Archive:
    """Asks apt, which may know a mirror; with state of our own, so that no right of root is needed
    and nothing of the system is touched."""
    if shutil.which("apt-get") is None:
        raise _Unavailable("there is no apt-get")
    private = folder / "apt"
    for needed in ("state/lists/partial", "cache/archives/partial", "sources"):
        (private / needed).mkdir(parents=True)
    if write_source_lists(private / "sources", Path("/etc/apt")) == 0:
        raise _Unavailable("apt has no package sources")
    # A mirror of something else may be down: what counts is whether the sources come.
    trouble = [_apt(private, "update"), _apt(private, "source", "--download-only", "zeromq3")]
    found = sorted(private.glob("zeromq3_*.orig.tar.*[!c]"))  # not its signature, .asc
    if not found:
        raise _Unavailable(next(filter(None, trouble), "apt brought no sources of zeromq3"))
    return _archive(found[0], f"Debian's source package zeromq3 ({found[0].name})")


def write_source_lists(folder: Path, system: Path) -> int:
    """Copies the package sources in `system` as source-package sources; says how many lines."""
    written = 0
    for listed in sorted([*system.glob("sources.list"), *system.glob("sources.list.d/*")]):
        old, new = _KIND_OF_SOURCE.get(listed.suffix, (None, ""))
        if old is not None:
            text, changed = re.subn(old, new, listed.read_text(errors="replace"))
            written += changed
            (folder / listed.name).write_text(text)
    return written


_KIND_OF_SOURCE = {
    ".list": (r"(?m)^deb(?=\s)", "deb-src"),
    ".sources": (r"(?m)^Types:.*$", "Types: deb-src"),
}


def _apt(private: Path, *arguments: str) -> str | None:
    """Runs apt-get on the private folder; half a sentence where it did not succeed."""
    options = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": private / "sources",
        "Dir::State": private / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": private / "cache",
        "APT::Sandbox::User": "",  # stay who we are: another user may not write here
        "Acquire::Languages": "none",
    }
    command = ["apt-get", "-q", "-y", *(f"-o{name}={value}" for name, value in options.items())]
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=private,
            capture_output=True,
            text=True,
            timeout=APT_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"apt-get {arguments[0]} did not finish ({exc})"
    if done.returncode != 0:
        return f"apt-get {arguments[0]} failed ({(done.stderr.strip() or '?').splitlines()[-1]})"
    return None


def _download(address: str, target: Path) -> Path:
    """Stores what an http, https or ftp address holds, within a limit of size and of time."""
    if urllib.parse.urlsplit(address).scheme not in ("http", "https", "ftp"):
        raise _Unavailable(f"{address} is neither an http, https nor ftp address")
    try:
        with (
            urllib.request.urlopen(address, timeout=CONNECT_PATIENCE_S) as answer,
            target.open("wb") as stored,
        ):
            for block in _blocks(answer):
                stored.write(block)
    except (OSError, ValueError, http.client.HTTPException, _Unavailable) as exc:
        raise _Unavailable(f"{address} cannot be downloaded ({exc})") from exc
    return target


def _blocks(answer: IO[bytes]) -> Iterator[bytes]:
    deadline_s = time.monotonic() + DOWNLOAD_PATIENCE_S
    size_bytes = 0
    while block := answer.read(2**16):
        size_bytes += len(block)
        if size_bytes > LARGEST_ARCHIVE_BYTES:
            raise _Unavailable(f"it is larger than {LARGEST_ARCHIVE_BYTES} bytes")
        if time.monotonic() > deadline_s:
            raise _Unavailable(f"it takes longer than {DOWNLOAD_PATIENCE_S:.0f} s")
        yield block


def _archive(path: Path, origin: str) -> Archive:
    with path.open("rb") as content:
        return Archive(path, origin, hashlib.file_digest(content, "sha256").hexdigest())
