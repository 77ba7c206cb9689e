"""Where a pyzmq with the draft API (CLIENT, SERVER) lies in the user's cache, if it was built."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Draft:
    """A pyzmq with the draft API in the cache: put `site` before everything else on sys.path."""

    site: str
    prefix: str
    libzmq: str
    pyzmq: str
    origin: str
    sha256: str


def enable_command() -> str:
    """What the user types to get the draft API here."""
    return "racecheck doctor --enable zmq-draft"


def draft_site() -> Path | None:
    """The folder to put first on sys.path for a pyzmq with CLIENT and SERVER; None: not built here.

    Built and tried for this Python and the installed version of pyzmq; costs no child process.
    """
    draft = found()
    return Path(draft.site) if draft else None


def found() -> Draft | None:
    """What the cache holds for this Python and the installed version of pyzmq."""
    pyzmq = installed_pyzmq()
    if pyzmq is None:
        return None
    for folder in cache_folders():
        try:
            draft = Draft(**json.loads(note(folder, pyzmq).read_text()))
            whole = Path(draft.site).is_dir() and Path(draft.prefix).is_dir()
        except (OSError, ValueError, TypeError):  # absent, damaged, or of another version of ours
            continue
        if whole:
            return draft
    return None


def cache_folders() -> list[Path]:
    """Where drafts are kept: the user's cache, else the virtual environment itself."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    user = Path(stated) if os.path.isabs(stated) else Path(os.path.expanduser("~/.cache"))
    places = [user / "pytest-racecheck"]
    if sys.prefix != sys.base_prefix:
        places.append(Path(sys.prefix) / "cache" / "pytest-racecheck")
    return [place / "zmq-draft" for place in places if place.is_absolute()]


def installed_pyzmq() -> str | None:
    """The version of pyzmq that this Python has; None: none."""
    try:
        return importlib.metadata.version("pyzmq")
    except importlib.metadata.PackageNotFoundError:
        return None


def key(pyzmq: str) -> str:
    """What a build is good for: this Python, this machine, this version of pyzmq."""
    return f"{sys.implementation.cache_tag}-{sys.platform}-{platform.machine()}-pyzmq-{pyzmq}"


def note(folder: Path, pyzmq: str) -> Path:
    """The file that says which build is the valid one; written last, and in one piece."""
    return folder / f"{key(pyzmq)}.json"
