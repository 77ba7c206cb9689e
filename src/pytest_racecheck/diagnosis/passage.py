"""The code that a recording passed through: functions by file and name, and a digest of each."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from pytest_racecheck.engine.recording import Landmark, Recording
from pytest_racecheck.engine.strategies.tolerant import told

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(recording: Recording, root: Path) -> dict[str, str]:
    """``file::qualified name`` of each function below ``root``, with the digest of its source."""
    return digests(sorted({name_of(m.at) for m in recording.moves if _is_below_root(m.at)}), root)


def digests(names: list[str], root: Path) -> dict[str, str]:
    """The digest of each function that is still there; blank lines and comments do not count."""
    found: dict[str, str] = {}
    for file in sorted({name.partition("::")[0] for name in names}):
        try:
            text = (root / file).read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            continue  # gone, or no Python any more: so are its functions
        lines = text.splitlines()
        for name, node in _functions(tree, ""):
            key = f"{file}::{name}"
            if key in names:
                found[key] = _digest(lines[node.lineno - 1 : node.end_lineno])
    return found


def name_of(mark: Landmark) -> str:
    """How a guard calls the function that an operation stands in."""
    return f"{mark.file}::{mark.function}"


def at_the_switches(recording: Recording) -> dict[str, str]:
    """The operations on either side of each switch, and their functions: where the race is.

    Those of the body itself only when there are no others.
    """
    moves = recording.moves
    pairs = [(a, b) for a, b in pairwise(moves) if a.task != b.task]
    found = [move for pair in pairs for move in pair if _is_below_root(move.at)]
    racing = [move for move in found if move.task not in ("main", "0")]
    return {told(move.at): name_of(move.at) for move in racing or found}


def _is_below_root(mark: Landmark) -> bool:
    return bool(mark.function) and not Path(mark.file).is_absolute()


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _functions(child, f"{name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def _digest(lines: list[str]) -> str:
    folded = (" ".join(line.split()) for line in lines)
    kept = "\n".join(line for line in folded if line and not line.startswith("#"))
    return hashlib.sha256(kept.encode()).hexdigest()[:12]
