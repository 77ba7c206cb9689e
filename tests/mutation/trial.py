"""Runs tests on a copy of the package, in a process of its own, and says how they ended."""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "pytest_racecheck"
#: A fault may make the program go round, or wait, for ever; no trial takes a tenth of it otherwise.
CPU_S, WALL_S = 60, 150
#: What a test raises that does its work.  Anything else may come of code that does not run at all.
ITS_OWN = ("AssertionError", "Failed")


@dataclass(frozen=True)
class Ending:
    """The tests that failed, each with the exception, how many passed, and the time it took."""

    failed: list[list[str]] = field(default_factory=list)
    passed: int = 0
    cpu_s: float = 0.0
    hung: bool = False
    said: str = ""

    @property
    def green(self) -> bool:
        """Everything passed, and something did."""
        return self.passed > 0 and not self.failed and not self.hung

    @property
    def caught_by(self) -> str | None:
        """The test that failed for its own reason, or "a guard against hanging"."""
        if self.hung:
            return "a guard against hanging"
        return next((test for test, raised, _ in self.failed if raised in ITS_OWN), None)


def copied(folder: Path) -> Path:
    """A copy of the package to seed a fault into."""
    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy)
    return copy


def run(package: Path, module: str, tests: Sequence[str]) -> Ending:
    """Run ``tests`` on ``package``, up to the first that fails; ``module`` has to be importable."""
    path = os.pathsep.join([str(package.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "tests.mutation.trial", str(package), module, *tests]
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("PYTEST_ADDOPTS", None)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=WALL_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Ending(hung=True, said=process.communicate()[0])
    found = [line for line in said.splitlines() if line.startswith(_MARK)]
    if not found:
        stopped = process.returncode in (-signal.SIGKILL, -signal.SIGXCPU)
        assert stopped, f"the trial did not come to its end:\n{said}"
        return Ending(hung=True, said=said)
    return Ending(**json.loads(found[-1].removeprefix(_MARK)), said=said)


# ---------------------------------------------------------------------------- in the other process

_MARK = "ENDING "


class _Watch:
    """A plugin that shows that the copy is what is tested, and keeps how each test ended."""

    def __init__(self, package: str, module: str) -> None:
        self._package, self._module = package, module
        self.failed: list[list[str]] = []
        self.passed = 0

    def pytest_sessionstart(self) -> None:
        loaded = importlib.import_module(self._module).__file__ or ""
        if not loaded.startswith(self._package):
            pytest.exit(f"{self._module} was imported from {loaded}, not from {self._package}", 3)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[None]:
        report = yield
        if report.failed:
            error = call.excinfo
            first = str(error.value).partition("\n")[0]
            self.failed.append([item.nodeid, error.typename, first])
        elif call.when == "call" and report.passed:
            self.passed += 1
        return report


def main(package: str, module: str, *tests: str) -> None:
    """Run the tests, and say on the last line how they ended."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    watch = _Watch(package, module)
    options = ["-q", "-x", "-p", "no:cacheprovider", "--no-header", "-rN", "--tb=short"]
    status = pytest.main([*options, *(f"tests/{test}" for test in tests)], plugins=[watch])
    assert status in (0, 1), f"pytest ended with status {status!r}"
    used = resource.getrusage(resource.RUSAGE_SELF)
    ending = {
        "failed": watch.failed,
        "passed": watch.passed,
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
    }
    print(f"\n{_MARK}{json.dumps(ending)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
