"""A seeded fault: one change to one file that would make a verdict false, and who has to notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """``fragment`` stands in ``file`` exactly once, and ``replacement`` in its stead is wrong.

    ``file`` is below the package, ``caught_by`` names tests below ``tests/``: a file, "::" and a
    function, with "[...]" for one of its cases.
    """

    name: str
    file: str
    fragment: str
    replacement: str
    why: str
    caught_by: tuple[str, ...]

    @property
    def module(self) -> str:
        """The module that the fault is in."""
        return "pytest_racecheck." + self.file.removesuffix(".py").replace("/", ".")

    def applied(self, text: str) -> str:
        """The source with the fault in it."""
        times = text.count(self.fragment)
        if times != 1:
            raise RottenFault(
                f"the fault {self.name!r} cannot be seeded: its fragment is found {times} times in "
                f"{self.file} and has to stand there exactly once, so the source has changed: "
                f"bring the table in tests/mutation/ up to date\n{self.fragment}"
            )
        changed = text.replace(self.fragment, self.replacement)
        assert changed != text, f"the fault {self.name!r} changes nothing"
        return changed

    def seed(self, package: Path) -> None:
        """Put the fault into a copy of the package."""
        file = package / self.file
        file.write_text(self.applied(file.read_text(encoding="utf-8")), encoding="utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            compiled.unlink()  # a change within the second would not be seen


class RottenFault(Exception):
    """The source has moved away under a fault of the table."""
