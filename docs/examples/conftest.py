"""Follows a page of the documentation as a reader would: files, commands, and what they print.

A page is Markdown. Its fenced blocks are all it may show as code, and each is taken at its word:

- a block that begins with a comment of a file name (``# shop.py``) is that file, from then on;
- ``diff``, beginning with ``--- shop.py``, changes that file;
- ``console`` holds commands after ``$ ``, each followed by what it prints. ``...`` on a line of its
  own stands for lines that are not shown; how many seconds something took is not compared.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1]
COLUMNS = 80
PATIENCE_S = 120.0

Follow = Callable[[str], None]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"# ([\w/-]+\.(?:py|ini|toml))\n")
_DURATION = re.compile(r"\bin \d+\.\d\ds\b")
_PROGRAMS = {"pytest": ["-m", "pytest"], "racecheck": ["-m", "pytest_racecheck"], "python": []}


@pytest.fixture
def follow(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """A function that follows the page below ``docs/`` of this name, in an empty folder."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")  # where it says C, three dots stand for an ellipsis
    # Other plugins that happen to be installed here must not show in what a page prints.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_racecheck.plugin -p no:cacheprovider")

    def follow(name: str) -> None:
        follow_text((DOCS / name).read_text(), pytester)

    return follow


def follow_text(text: str, pytester: pytest.Pytester) -> None:
    """Do what the blocks of a page say, in their order; AssertionError where the page is wrong."""
    blocks = list(_BLOCK.findall(text))
    assert blocks, "the page shows nothing that could be run"
    for language, block in blocks:
        named = _NAMED.match(block)
        if language == "console":
            _run_all(block, pytester)
        elif language == "diff":
            _change(block, pytester.path)
        elif named is not None:
            path = pytester.path / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
        else:
            raise AssertionError(f"a block that is neither a file nor a command:\n{block}")


def _change(block: str, folder: Path) -> None:
    head, *lines = block.splitlines(keepends=True)
    assert head.startswith("--- "), f"a change that names no file:\n{block}"
    path = folder / head[4:].strip()
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text()
    assert text.count(before) == 1, f"{path.name} does not hold exactly once:\n{before}"
    path.write_text(text.replace(before, after))


def _run_all(block: str, pytester: pytest.Pytester) -> None:
    for command, shown in _commands(block):
        if command.startswith("pip install "):
            check_install(command)
            continue
        program, *arguments = shlex.split(command)
        assert program in _PROGRAMS, f"a page may run {', '.join(_PROGRAMS)}, not: {command}"
        line = [sys.executable, *_PROGRAMS[program], *arguments]
        result = pytester.run(*line, timeout=PATIENCE_S)
        compare(shown, [*result.outlines, *result.errlines], command)


def _commands(block: str) -> Iterator[tuple[str, list[str]]]:
    lines = block.splitlines()
    assert lines[0].startswith("$ "), f"output without a command:\n{block}"
    starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start][2:], lines[start + 1 : end]


def check_install(command: str) -> None:
    """What a page tells to install is this distribution, with extras that it has."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    wanted = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?", shlex.split(command)[2])
    assert wanted is not None, command
    assert wanted[1] == project["name"], command
    extras = wanted[2].split(",") if wanted[2] else []
    assert set(extras) <= set(project["optional-dependencies"]), command


def compare(shown: Sequence[str], printed: Sequence[str], command: str) -> None:
    """Raise AssertionError unless ``printed`` is what is shown, ``...`` standing for any lines."""
    if not shown:
        return
    wanted, real = _comparable(shown), _comparable(printed)
    groups: list[list[str]] = [[]]
    for line in wanted:
        if line == "...":
            groups.append([])
        else:
            groups[-1].append(line)
    at = 0
    for number, group in enumerate(groups):
        found = [
            start
            for start in range(at, len(real) - len(group) + 1)
            if real[start : start + len(group)] == group
            and (number > 0 or start == 0)
            and (number < len(groups) - 1 or start + len(group) == len(real))
        ]
        if not found:
            told = "\n".join(real)
            lines = "\n".join(group)
            raise AssertionError(f"$ {command}\n{told}\n\nbut the page shows\n\n{lines}")
        at = found[0] + len(group)


def _comparable(lines: Sequence[str]) -> list[str]:
    text = "\n".join(_DURATION.sub("in 0.00s", line.rstrip()) for line in lines)
    return text.strip("\n").split("\n")
