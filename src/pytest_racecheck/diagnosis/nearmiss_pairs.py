"""Near misses on disk, held the next time: one file a test, below the folder of saved failures.

A file is written whole or not at all, so several processes may share the folder; of two that run
the same test at once the later one is kept.  What is not ours stays as it is, and is named.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from pytest_racecheck.diagnosis.safe_file import read_object, write_object
from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.nearmiss import Pair, Pairs
from pytest_racecheck.free.nearmiss.pairs import MOST_PAIRS

KEY, VERSION = "racecheck nearmiss", 1
FOLDER = "nearmiss"


@dataclass
class Saved:
    """The pairs of one test, and how long (s) its quickest run took; 0 when it never ran.

    ``credit_s`` is the time for delays that earlier runs left over.
    """

    pairs: Pairs = field(default_factory=Pairs)
    seconds: float = 0.0
    runs: int = 0
    credit_s: float = 0.0

    def ran(self, seconds: float) -> None:
        """One more run."""
        self.runs += 1
        self.seconds = min(self.seconds, seconds) if self.seconds else seconds


@dataclass
class PairFiles:
    """The files below ``folder``; ``notes`` are sentences about what could not be done."""

    folder: Path
    notes: list[str] = field(default_factory=list)

    def load(self, test: str) -> Saved:
        """What is known of ``test``; nothing where there is no file, or none that can be used."""
        path = self._path(test)
        if not self._is_plain() or not os.path.lexists(path):
            return Saved()
        try:
            return _saved(path, test)
        except UsageError as error:
            self.notes.append(f"{error}; it is left as it is")
            return Saved()

    def save(self, test: str, saved: Saved) -> None:
        """Keep it for the next run; a note says why, where that is impossible."""
        path = self._path(test)
        if not len(saved.pairs) or not self._is_plain():
            return
        try:
            if os.path.lexists(path):
                _saved(path, test)  # whatever is not ours stays
            path.parent.mkdir(parents=True, exist_ok=True)
            self._ignore()
            write_object(
                path,
                {
                    KEY: VERSION,
                    "test": test,
                    "runs": saved.runs,
                    "seconds": round(saved.seconds, 6),
                    "credit_s": round(saved.credit_s, 6),
                    "pairs": [pair.as_json() for pair in saved.pairs],
                },
            )
        except UsageError as error:
            self._note(f"{error}; it is left as it is")
        except OSError as error:
            self._note(f"the near misses are not saved in {self.folder}: {error.strerror or error}")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _path(self, test: str) -> Path:
        name = hashlib.sha256(test.encode(errors="replace")).hexdigest()[:16]
        return self.folder / FOLDER / f"{name}.json"

    def _is_plain(self) -> bool:
        """Whether no link leads elsewhere, and nothing else is in the way of the folders."""
        for path in (self.folder, self.folder / FOLDER):
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                self._note(f"{path} is no folder of ours (a link or a file); it is left")
                return False
        return True

    def _ignore(self) -> None:
        path = self.folder / ".gitignore"
        if not os.path.lexists(path):
            path.write_text("# Made by racecheck: what is saved here is of one machine.\n*\n")


def _saved(path: Path, test: str) -> Saved:
    data = read_object(path, KEY, VERSION)
    if data.get("test") != test:
        raise UsageError(f"{path} belongs to another test")
    pairs, seconds, runs = data.get("pairs"), data.get("seconds"), data.get("runs")
    if not isinstance(pairs, list) or len(pairs) > MOST_PAIRS:
        raise UsageError(f"{path} is damaged: it has no list of at most {MOST_PAIRS} pairs")
    credit = data.get("credit_s")
    for time_s in (seconds, credit):
        if not isinstance(time_s, (int, float)) or not 0 <= time_s < 1e6:
            raise UsageError(f"{path} is damaged: it does not say how long a run takes")
    if type(runs) is not int or runs < 0:
        raise UsageError(f"{path} is damaged: it does not say how many runs there were")
    try:
        known = Pairs(Pair.of_json(pair) for pair in pairs)
        return Saved(known, float(str(seconds)), runs, float(str(credit)))
    except UsageError as error:
        raise UsageError(f"{path} is damaged: {error}") from None
