"""Gives the tests of the hall a cache of their own and programs that only pretend to build."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = """
#define ZMQ_VERSION_MAJOR 4
#define ZMQ_VERSION_MINOR 3
#define ZMQ_VERSION_PATCH 4
"""

Toolbox = Callable[[str, str], Path]
TarOf = Callable[[dict[str, str]], Path]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache; returns the folder that drafts are kept in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache" / "pytest-racecheck" / "zmq-draft"


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolbox:
    """Empties PATH; the function it returns puts one shell script there: name, body."""
    folder = tmp_path / "toolbox"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CXX", "CMAKE_GENERATOR"):
        monkeypatch.delenv(name, raising=False)

    def put(name: str, body: str) -> Path:
        program = folder / name
        program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
        program.chmod(0o755)
        return program

    return put


@pytest.fixture
def tar_of(tmp_path: Path) -> TarOf:
    """Makes a tar.gz of the named texts."""

    def make(members: dict[str, str]) -> Path:
        path = tmp_path / "made.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name, text in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        return path

    return make


@pytest.fixture
def libzmq_tar(tar_of: TarOf) -> Path:
    """What looks like sources of libzmq, as far as can be seen without compiling them."""
    return tar_of({"zmq-4/include/zmq.h": HEADER, "zmq-4/CMakeLists.txt": ""})
