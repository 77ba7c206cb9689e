"""Runs the steps of a build: each bounded, logged, and ended with all its children on failure."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

from pytest_racecheck.errors import MissingDependency

STEP_PATIENCE_S = 900.0
ASK_PATIENCE_S = 60.0


class Steps:
    """The steps of one build in a scratch folder; `kept` is where a failure's log outlives it."""

    def __init__(self, scratch: Path, kept: Path, say: Callable[[str], None]) -> None:
        self.scratch = scratch
        self._log = scratch / "build.log"
        self._kept = kept / "last-failure.log"
        self._say = say

    def run(
        self, what: str, command: Sequence[str | Path], more: Mapping[str, str] | None = None
    ) -> None:
        """Runs one command with `more` environment; raises MissingDependency, naming the log."""
        self._say(what)
        with self._log.open("ab") as log:
            log.write(f"\n== {what}: {' '.join(map(str, command))}\n".encode())
            log.flush()
            try:
                status = run_bounded(command, STEP_PATIENCE_S, {**os.environ, **(more or {})}, log)
            except OSError as exc:
                self._fail(what, str(exc))
        if status is None:
            self._fail(what, f"not finished after {STEP_PATIENCE_S:.0f} s")
        if status != 0:
            self._fail(what, f"exit status {status}")

    def pip(
        self, what: str, wanted: Sequence[str], target: Path, more: Mapping[str, str] | None = None
    ) -> None:
        """Installs what is wanted into the folder `target`, with the pip of this Python."""
        pip = [sys.executable, "-m", "pip"]
        if self.ask([*pip, "--version"]) is None:
            raise MissingDependency(
                f"This Python has no pip to build with: {sys.executable} -m ensurepip"
            )
        quiet = ["install", "--disable-pip-version-check", "--no-input", "--target", str(target)]
        self.run(what, [*pip, *quiet, *wanted], more)

    def ask(self, command: Sequence[str | Path]) -> str | None:
        """What a quick command prints; None, with its complaint in the log, where it fails."""
        try:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ASK_PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            complaint = str(exc)
        else:
            if done.returncode == 0:
                return done.stdout
            complaint = done.stderr
        with self._log.open("a") as log:
            log.write(f"\n== asked: {command}\n{complaint}\n")
        return None

    def need_compiler(self) -> None:
        """Raises MissingDependency where there is no C++ compiler."""
        named = os.environ.get("CXX", "").split()[:1]
        if not any(map(shutil.which, named or ["c++", "g++", "clang++"])):
            raise MissingDependency(
                "There is no C++ compiler here (c++, g++, clang++ or $CXX): install one, for "
                "example apt install g++, then racecheck doctor --enable zmq-draft"
            )

    def cmake(self) -> list[str]:
        """The start of a configuring command: CMake and a generator, from PyPI where missing."""
        cmake = shutil.which("cmake") or self._tool_from_pypi("cmake")
        if shutil.which("make") or (os.environ.get("CMAKE_GENERATOR")):
            return [cmake]
        ninja = shutil.which("ninja") or self._tool_from_pypi("ninja")
        return [cmake, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]

    def keep_log(self) -> Path:
        """Copies the log to where it outlives the build, and says where."""
        shutil.copyfile(self._log, self._kept)
        return self._kept

    def forget_log(self) -> None:
        """Removes what an earlier failure kept."""
        self._kept.unlink(missing_ok=True)

    def _tool_from_pypi(self, name: str) -> str:
        folder = self.scratch / f"tool-{name}"
        self.pip(f"fetching {name} from PyPI, for this build only", [name], folder)
        # Some wheels hold the program itself, some a script that starts it where it is installed.
        for program in (*folder.glob(f"{name}/**/bin/{name}"), folder / "bin" / name):
            if self.ask([program, "--version"]) is not None:
                return str(program)
        return self._fail(f"fetching {name}", "the package holds no program that runs")

    def _fail(self, what: str, why: str) -> NoReturn:
        log = self.keep_log()
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
        telling = [line for line in lines if "error" in line.lower()] or lines
        raise MissingDependency(
            f"The draft API cannot be built here, {what} failed ({why}: {telling[-1][:200]}); "
            f"read {log}, mend it, then racecheck doctor --enable zmq-draft"
        )


def run_bounded(
    command: Sequence[str | Path],
    patience_s: float,
    environment: Mapping[str, str],
    log: IO[bytes],
) -> int | None:
    """The exit status of a command; None when it took longer, and it and its children are ended."""
    with _ctrl_c_held() as let_ctrl_c_come:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            let_ctrl_c_come()
            return child.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if child.returncode is None:  # late, or Ctrl-C: its compilers would go on for minutes
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@contextlib.contextmanager
def _ctrl_c_held() -> Iterator[Callable[[], None]]:
    """Within, Ctrl-C waits until the function given is called.

    A child that is being started when it comes would be known to nobody, and go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # Ctrl-C never comes here
        return
    came: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: came.append(number))

    def let_come() -> None:
        signal.signal(signal.SIGINT, usual)
        if came:
            signal.raise_signal(came.pop())

    try:
        yield let_come
    finally:
        let_come()
