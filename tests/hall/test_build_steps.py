"""Tests that a step of a build is bounded, logged, and leaves no process behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_racecheck import build_steps
from pytest_racecheck.build_steps import Steps
from pytest_racecheck.errors import MissingDependency


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def steps(tmp_path: Path, said: list[str]) -> Steps:
    (tmp_path / "scratch").mkdir()
    return Steps(tmp_path / "scratch", tmp_path, said.append)


def has_ended(pid: int) -> bool:
    """Death by a signal takes a moment; a zombie is dead, and not everywhere reaped."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
    return False


def test_a_step_says_what_it_does_and_gets_its_environment(steps, said, tmp_path):
    steps.run("measuring", ["sh", "-c", f'echo "$MORE" > {tmp_path}/got'], {"MORE": "this"})
    assert (tmp_path / "got").read_text() == "this\n"
    assert said == ["measuring"]


def test_a_failed_step_is_told_by_its_first_words_of_error_and_its_log_is_kept(steps, tmp_path):
    with pytest.raises(MissingDependency) as failed:
        steps.run("mixing", ["sh", "-c", "echo fatal error: no flour; echo good bye; exit 7"])
    assert "mixing failed (exit status 7: fatal error: no flour)" in str(failed.value)
    assert "\n" not in str(failed.value)
    log = tmp_path / "last-failure.log"
    assert str(log) in str(failed.value)
    assert "good bye" in log.read_text()


def test_a_program_that_does_not_exist_is_told(steps):
    with pytest.raises(MissingDependency, match=r"kneading failed .*No such file"):
        steps.run("kneading", ["/nowhere/kneader"])


def test_a_step_that_takes_too_long_is_ended_with_its_children(steps, tmp_path, monkeypatch):
    monkeypatch.setattr(build_steps, "STEP_PATIENCE_S", 0.5)
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(MissingDependency, match=r"baking failed .not finished after"):
        steps.run("baking", ["sh", "-c", script])
    assert has_ended(int((tmp_path / "child").read_text()))


def test_ctrl_c_ends_a_step_with_its_children(steps, tmp_path, monkeypatch):
    waited = subprocess.Popen.wait

    def interrupted(child, *args):
        monkeypatch.setattr(subprocess.Popen, "wait", waited)
        while not (tmp_path / "child").is_file():
            assert child.poll() is None
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    script = f"sleep 60 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/child; wait"
    with pytest.raises(KeyboardInterrupt):
        steps.run("baking", ["sh", "-c", script])
    assert has_ended(int((tmp_path / "child").read_text()))


def test_a_question_that_fails_has_no_answer(steps):
    assert steps.ask(["sh", "-c", "echo yes"]) == "yes\n"
    assert steps.ask(["sh", "-c", "echo yes; exit 1"]) is None
    assert steps.ask(["/nowhere/oracle"]) is None


def test_no_compiler_is_told_with_how_to_get_one(steps, toolbox):
    with pytest.raises(MissingDependency, match=r"no C\+\+ compiler .*apt install g\+\+"):
        steps.need_compiler()
    toolbox("clang++", "exit 0")
    steps.need_compiler()


def test_the_compiler_that_the_user_names_must_exist(steps, toolbox, monkeypatch):
    toolbox("c++", "exit 0")
    monkeypatch.setenv("CXX", "/nowhere/c++ -O3")
    with pytest.raises(MissingDependency, match="no C"):
        steps.need_compiler()


def test_the_machines_own_cmake_comes_first(steps, toolbox):
    cmake = toolbox("cmake", "exit 0")
    toolbox("make", "exit 0")
    assert steps.cmake() == [str(cmake)]


@pytest.fixture
def pypi(monkeypatch):
    """Packages that hold these programs; what is installed from them runs, or does not."""

    def offer(programs: dict[str, str]) -> None:
        def pip(_steps: Steps, _what: str, wanted: list[str], target: Path) -> None:
            for place, body in programs.items():
                if Path(place).name == wanted[0]:
                    program = target / place
                    program.parent.mkdir(parents=True)
                    program.write_text(f"#!/bin/sh\n{body}\n")
                    program.chmod(0o755)

        monkeypatch.setattr(Steps, "pip", pip)

    return offer


def test_without_cmake_and_make_both_come_from_pypi(steps, toolbox, pypi, tmp_path):
    pypi({"bin/cmake": "exit 1", "cmake/data/bin/cmake": "exit 0", "bin/ninja": "exit 0"})
    scratch = tmp_path / "scratch"
    assert steps.cmake() == [
        f"{scratch}/tool-cmake/cmake/data/bin/cmake",
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={scratch}/tool-ninja/bin/ninja",
    ]


def test_a_package_whose_program_does_not_run_is_told(steps, toolbox, pypi):
    pypi({"bin/cmake": "exit 1"})
    with pytest.raises(MissingDependency, match="fetching cmake failed"):
        steps.cmake()


def test_a_python_without_pip_is_told_how_to_get_it(steps, toolbox, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(toolbox("python", "exit 1")))
    with pytest.raises(MissingDependency, match=r"has no pip to build with: .* -m ensurepip"):
        steps.pip("fetching", ["flour"], tmp_path / "target")


def test_ctrl_c_while_a_step_is_being_started_ends_it(steps, tmp_path, monkeypatch):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self.pid)
            signal.raise_signal(signal.SIGINT)  # before anybody knows of the child

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        steps.run("sleeping", ["sleep", "600"])
    assert has_ended(started[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
