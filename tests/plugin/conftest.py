"""Runs small suites with the plugin installed, here or in a process that must leave nothing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pytest_racecheck

# Loaded here, so that an inner run in this process does not load and patch its own copies.
import pytest_racecheck.diagnosis.guard
import pytest_racecheck.diagnosis.isolation
import pytest_racecheck.diagnosis.report
import pytest_racecheck.diagnosis.saved
import pytest_racecheck.engine.instrument
import pytest_racecheck.item_known
import pytest_racecheck.item_plan
import pytest_racecheck.item_run
import pytest_racecheck.item_summary
import pytest_racecheck.plugin
import pytest_racecheck.spawning

SOURCES = Path(pytest_racecheck.__file__).parent.parent
LIMIT_S = 100  # nothing here takes a tenth of it on an idle machine; a hang must end
HEAD = """
import os, queue, signal, socket, sys, threading, time
import pytest
quick = pytest.mark.racecheck(patience_s=0.3, seconds=10, executions=400)
coarse = pytest.mark.racecheck(patience_s=0.3, seconds=10, points="sync")

def together(*functions):
    threads = [threading.Thread(target=function, name=function.__name__) for function in functions]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
RACY = """
class Counter:
    value = 0
    def add(self):
        self.value += 1

@quick
def test_racy():
    counter = Counter()
    together(counter.add, counter.add)
    assert counter.value == 2
"""
SOUND = """
@coarse
def test_sound():
    lock, total = threading.Lock(), [0]
    def add():
        with lock:
            total[0] += 1
    together(add, add)
    assert total[0] == 2
"""


class Run:
    """How an inner run ended; ``findings`` by the name of the test."""

    def __init__(self, result: pytest.RunResult, findings: dict[str, dict[str, Any]]) -> None:
        self.result = result
        self.status = int(result.ret)
        self.out = result.stdout.str()
        self.err = result.stderr.str()
        self.findings = findings

    @property
    def finding(self) -> dict[str, Any]:
        """The only one."""
        (found,) = self.findings.values()
        return found

    def outcomes(self, **expected: int) -> None:
        """As pytest counts them."""
        self.result.assert_outcomes(**expected)

    def says(self, *lines: str) -> None:
        """Each text is somewhere in the output, whatever the line breaks."""
        flat = " ".join(f"{self.out}\n{self.err}".split())
        for line in lines:
            assert " ".join(line.split()) in flat, f"{line!r} is not in:\n{self.out}\n{self.err}"

    def section(self, title: str) -> str:
        """The lines below the double rule called ``title``, up to the next one."""
        lines = self.out.splitlines()
        begin = next(n for n, line in enumerate(lines) if line.strip("=") == f" {title} ")
        rest = lines[begin + 1 :]
        end = next((n for n, line in enumerate(rest) if line.startswith("===")), len(rest))
        return "\n".join(rest[:end])


class Suite:
    """A folder with tests, and ways to run them."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self._monkeypatch = monkeypatch
        self._mark = uuid.uuid4().hex
        self._load = ["-p", "pytest_racecheck.plugin"]
        self.database: str | None = "off"  # most suites are run twice to be compared
        patch = self._monkeypatch
        path = [str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(path))
        patch.setenv("RACECHECK_TEST_RUN", self._mark)
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the others cost seconds to load
        patch.setenv("PYTHONPYCACHEPREFIX", str(pytester.path.parent.parent / "pycache"))
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
            patch.delenv(name, raising=False)
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)

    def load_by_entry_point(self) -> None:
        """As ``pip install`` does it, where nobody has: an entry point on the path."""
        patch = self._monkeypatch
        patch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        self._load, self.database = [], None  # pytest may be told not to load it
        if not importlib.metadata.entry_points(group="pytest11", name="racecheck"):
            info = self.path.parent / "installed" / "pytest_racecheck-0.dist-info"
            info.mkdir(parents=True, exist_ok=True)
            (info / "METADATA").write_text(
                "Metadata-Version: 2.1\nName: pytest-racecheck\nVersion: 0\n"
            )
            (info / "entry_points.txt").write_text(
                "[pytest11]\nracecheck = pytest_racecheck.plugin\n"
            )
            patch.setenv("PYTHONPATH", f"{info.parent}{os.pathsep}{os.environ['PYTHONPATH']}")

    def write(self, text: str, name: str = "test_it.py", head: str = HEAD) -> Path:
        """A file of tests, with ``quick``, ``together`` and imports at its head."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(head + text)
        return target

    def configure(self, **ini: object) -> None:
        """A pytest.ini with these values."""
        lines = "".join(f"{name} = {value}\n" for name, value in ini.items())
        (self.path / "pytest.ini").write_text(f"[pytest]\n{lines}")

    def here(self, *args: str) -> Run:
        """Run in this process: quick, for what cannot take it down."""
        found: dict[str, dict[str, Any]] = {}
        collector = _Findings(found)
        result = self.pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", *_CALM, *self._given, *args, plugins=[collector]
        )
        return Run(result, found)

    def apart(self, *args: str, python: tuple[str, ...] = ()) -> Run:
        """Run in a process of its own, which must end, and nothing of it may be left."""
        log = self.path / f"findings-{uuid.uuid4().hex}.jsonl"
        (self.path / "finding_log.py").write_text(_LOG)
        self._monkeypatch.setenv("RACECHECK_TEST_LOG", str(log))
        command = [sys.executable, *python, "-m", "pytest", "-p", "no:cacheprovider"]
        plugin = ["-p", "finding_log", *self._given]
        try:
            with self._monkeypatch.context() as patch:
                patch.setenv(
                    "PYTHONPATH", os.pathsep.join([str(self.path), os.environ["PYTHONPATH"]])
                )
                result = self.pytester.run(*command, *plugin, *args, timeout=LIMIT_S)
        finally:
            left = self.kill_what_is_left()
        assert not left, f"processes were left: {left}"
        lines = log.read_text().splitlines() if log.exists() else []
        return Run(result, dict(json.loads(line) for line in lines))

    @property
    def _given(self) -> list[str]:
        database = [] if self.database is None else [f"--racecheck-database={self.database}"]
        return [*self._load, *database]

    def kill_what_is_left(self) -> list[int]:
        """Processes of this suite that do not end by themselves; they are gone afterwards."""
        for _ in range(100):
            if not self.processes():
                return []
            time.sleep(0.02)  # a helper of multiprocessing notices the end of its parent
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def processes(self) -> list[int]:
        """Every process that a run of this suite started and that is still there."""
        mark, found = f"RACECHECK_TEST_RUN={self._mark}".encode(), []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue  # it has ended, or is somebody else's
        return found


#: Writes what a report says of a test into a file, also when the reporter is another process.
_LOG = """
import json, os

def pytest_runtest_logreport(report):
    told = dict(report.user_properties).get("racecheck")
    if told is not None and report.when == "call" and not os.environ.get("PYTEST_XDIST_WORKER"):
        with open(os.environ["RACECHECK_TEST_LOG"], "a") as log:
            log.write(json.dumps([report.nodeid.partition("::")[2], json.loads(told)]) + "\\n")
"""


#: The filters of this suite are not for the inner one; and our plugin is imported twice there.
_CALM = ("-Wdefault", "-Wignore::pytest.PytestAssertRewriteWarning")


class _Findings:
    """A plugin that keeps what the reports say."""

    def __init__(self, found: dict[str, dict[str, Any]]) -> None:
        self._found = found

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties).get("racecheck")
        if told is not None and report.when == "call":
            self._found[report.nodeid.partition("::")[2]] = json.loads(str(told))


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A folder for tests that are run with the plugin."""
    return Suite(pytester, monkeypatch)


@pytest.fixture
def racy(suite: Suite) -> Suite:
    """A suite with one test that loses an update, and one that does not."""
    suite.write(RACY + SOUND)
    return suite


RunSuite = Callable[..., Run]
