"""Masters and workers as processes, ours and Locust's; none outlives its test."""

from __future__ import annotations

import importlib.metadata
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 60.0
LOCUSTFILE = """
from locust import User, constant, task


class Quiet(User):
    wait_time = constant(1)

    @task
    def nothing(self):
        pass
"""


class Program:
    """A process whose lines on stderr can be waited for."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._add(line.rstrip("\n"))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _add(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def wait_for(self, text: str, times: int = 1) -> str:
        """The line that holds `text` for the `times`-th time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended or len(self._find(text)) >= times, PATIENCE_S
            )
            found = self._find(text)
        assert len(found) >= times, f"{len(found)} lines with {text!r}: {self.lines[-20:]}"
        return found[times - 1]

    def _find(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    def end(self) -> int:
        """The exit status, once it has ended by itself."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def close(self) -> None:
        """Kill it if it is still there."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts ``python`` with these words; whatever is left at the end is killed."""
    started: list[Program] = []

    def start(*words: str) -> Program:
        started.append(Program(*words))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def port() -> str:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def locustfile(tmp_path: Path) -> str:
    """The path of a locustfile with one user class, `Quiet`. Skips where Locust is missing."""
    try:
        importlib.metadata.version("locust")  # this folder has its name, so a spec says nothing
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("Locust is not installed here: pip install locust")
    path = tmp_path / "locustfile.py"
    path.write_text(LOCUSTFILE)
    return str(path)
