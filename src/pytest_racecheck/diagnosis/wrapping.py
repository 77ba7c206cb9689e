"""Text folded to the columns of a terminal, where some characters take two."""

from __future__ import annotations

import re

from pytest_racecheck.diagnosis.timeline import cells

NARROWEST = 20
_WORD = re.compile(r"(\s*)(\S+)")


def wrap(text: str, width: int, later: str, first: str = "") -> list[str]:
    """Lines of at most ``width`` columns; ``first`` stands before the first one, ``later`` before
    the others.  A word of ASCII is never broken: it may be a path or a command.
    """
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        indent = line[: len(line) - len(line.lstrip())]
        start = (later if lines else first) + indent
        lines += _fold(_WORD.findall(line.strip()), max(width, NARROWEST), start, later)
    return lines


def _fold(words: list[tuple[str, str]], width: int, start: str, later: str) -> list[str]:
    """``words`` with the space before each, which goes where a line ends."""
    lines, filled = [start], False
    for space, word in words:
        for at, piece in enumerate(_pieces(word, width - cells(later))):
            line = lines[-1] + ("" if at else space) + piece
            if filled and cells(line) > width:
                lines.append(later + piece)
            else:
                lines[-1] = line
            filled = True
    return lines if filled else [""]


def _pieces(word: str, room: int) -> list[str]:
    """A word too wide for a line, cut: in scripts without spaces that may be a whole sentence."""
    if cells(word) <= room or word.isascii():
        return [word]
    pieces = [""]
    for character in word:
        if cells(pieces[-1] + character) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces
