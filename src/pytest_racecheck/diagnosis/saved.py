"""Failing schedules on disk, tried first the next time: one file for each, one folder a test.

A file is written whole or not at all and never changed, so that several processes may share the
folder.  Whatever lies there that is not ours stays, and is named.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_racecheck.diagnosis.safe_file import read_object, write_object
from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.errors import UsageError

KEY, VERSION = "racecheck failure", 1
#: Of one test; the one that was found first goes first.
MOST = 5


@dataclass(frozen=True)
class Saved:
    """One failing schedule, and the file that it is in."""

    path: Path
    recording: Recording


@dataclass
class Database:
    """The saved failures below ``folder``; ``notes`` are sentences about what could not be done."""

    folder: Path
    notes: list[str] = field(default_factory=list)

    def load(self, test: str) -> list[Saved]:
        """What is saved of ``test``, the newest first."""
        folder = self._folder_of(test)
        if not self._is_plain(folder):
            return []
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
        except FileNotFoundError:
            return []
        except OSError as error:
            self.notes.append(f"{folder} is not read: {error.strerror}")
            return []
        found = [saved for name in reversed(names) if (saved := self._load(folder / name, test))]
        return found[:MOST]

    def save(self, test: str, recording: Recording, failure: dict[str, str]) -> None:
        """Keep ``recording`` for the next time; a note says why, where that is impossible."""
        folder = self._folder_of(test)
        if not self._is_plain(folder):
            return
        data = {KEY: VERSION, "test": test, "failure": failure, "recording": recording.as_json()}
        digest = hashlib.sha256(recording.schedule.encode()).hexdigest()[:12]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._ignore()
            others = sorted(p for p in folder.iterdir() if p.suffix == ".json")
            if any(path.stem.endswith(f"-{digest}") for path in others):
                return
            last = max((_number(path) for path in others), default=0)
            write_object(folder / f"{last + 1:06}-{digest}.json", data)
            for path in [p for p in others if _number(p)][: max(len(others) + 1 - MOST, 0)]:
                path.unlink(missing_ok=True)
        except OSError as error:
            why = error.strerror or error
            self.notes.append(f"the failing schedule is not saved in {self.folder}: {why}")

    def drop(self, saved: Saved) -> None:
        """Forget one that does not fail any more."""
        try:
            saved.path.unlink(missing_ok=True)
        except OSError as error:
            self.notes.append(f"{saved.path} is not removed: {error.strerror}")

    def _load(self, path: Path, test: str) -> Saved | None:
        try:
            data = read_object(path, KEY, VERSION)
            if data.get("test") != test:
                raise UsageError(f"{path} belongs to another test")
            return Saved(path, _recording(path, data))
        except UsageError as error:
            self.notes.append(f"{error}; it is left as it is")
            return None

    def _folder_of(self, test: str) -> Path:
        return self.folder / "failures" / hashlib.sha256(test.encode()).hexdigest()[:16]

    def _is_plain(self, folder: Path) -> bool:
        """Whether no link leads elsewhere, and nothing else is in the way of the folders."""
        for path in (self.folder, self.folder / "failures", folder):
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                self.notes.append(f"{path} is no folder of ours (a link or a file); it is left")
                return False
        return True

    def _ignore(self) -> None:
        path = self.folder / ".gitignore"
        if not os.path.lexists(path):
            path.write_text("# Made by racecheck: saved failures are of one machine.\n*\n")


def _number(path: Path) -> int:
    head = path.stem.partition("-")[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) < 10 else 0


def _recording(path: Path, data: dict[str, Any]) -> Recording:
    try:
        return Recording.of_json(data.get("recording"))
    except UsageError as error:
        raise UsageError(f"{path} is damaged: {error}") from None
