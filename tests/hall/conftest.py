"""Gives the tests of the hall a cache of their own and programs that only pretend to build."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_racecheck.build_steps import Steps

HEADER = """
#define ZMQ_VERSION_MAJOR 4
#define ZMQ_VERSION_MINOR 3
#define ZMQ_VERSION_PATCH 4
"""

# What a fresh Python sees as pyzmq after a pretended build.
PRETENDED_PYZMQ = """
SERVER, __version__ = 12, "1"
def zmq_version(): return "4.3.4"
class Context:
    def socket(self, kind): return self
    def close(self, linger): pass
    def term(self): pass
"""

# A cmake that remembers the prefix it was configured for, and installs one file there.
PRETENDED_CMAKE = """
log={log}
case "$1" in
  -S) echo configure >> $log
      for option in "$@"; do case "$option" in -DCMAKE_INSTALL_PREFIX=*)
          mkdir -p "$4" && echo "${{option#*=}}" > "$4/prefix";; esac; done;;
  --build) {compiling};;
  --install) mkdir -p "$DESTDIR$(cat $2/prefix)/lib" && touch "$DESTDIR$(cat $2/prefix)/lib/so";;
esac
"""


Toolbox = Callable[[str, str], Path]
Pretend = Callable[..., None]
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


@pytest.fixture
def pretend(toolbox: Toolbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Makes builds quick; returns how to say what compiling does, and what pyzmq comes out."""

    def pretended(compiling: str = "echo ok", pyzmq: str = PRETENDED_PYZMQ) -> None:
        def pip(
            _steps: Steps, _what: str, _wanted: list[str], target: Path, more: dict[str, str]
        ) -> None:
            assert Path(more["ZMQ_PREFIX"], "lib", "so").is_file()
            (target / "zmq").mkdir(parents=True)
            (target / "zmq" / "__init__.py").write_text(pyzmq)

        monkeypatch.setattr(Steps, "pip", pip)
        toolbox("cmake", PRETENDED_CMAKE.format(log=tmp_path / "builds", compiling=compiling))

    for program in ("c++", "make"):
        toolbox(program, "exit 0")
    pretended()
    return pretended
