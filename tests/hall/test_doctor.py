"""Tests what `racecheck doctor` says, and the exit status of what it is asked to enable."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys

import pytest

from pytest_racecheck import doctor, zmq_build, zmq_draft
from pytest_racecheck.errors import MissingDependency

DRAFT = zmq_draft.Draft("/cache/site", "/cache/prefix", "4.3.4", "27.0", "somewhere", "0" * 64)


@pytest.fixture
def not_installed(monkeypatch):
    """Makes one distribution look absent."""
    version = importlib.metadata.version

    def hide(hidden: str) -> None:
        def looked_up(name: str) -> str:
            if name == hidden:
                raise importlib.metadata.PackageNotFoundError(name)
            return version(name)

        monkeypatch.setattr(importlib.metadata, "version", looked_up)

    return hide


def test_the_report_names_what_the_user_will_be_asked_for(cache, capsys):
    assert doctor.run() == 0
    said = capsys.readouterr().out
    for what in ("Python", "pytest", "rich", "bytecode", "pyzmq", "libzmq", "draft API", "psycopg"):
        assert f"\n{what} " in f"\n{said}"
    for what in ("hypothesis", "pytest-xdist", "processors", "cache folder"):
        assert f"\n{what} " in f"\n{said}"
    assert platform.python_version() in said
    assert importlib.metadata.version("pytest") in said
    assert str(cache.parent) in said


@pytest.mark.parametrize(
    ("distribution", "command"),
    [
        ("pyzmq", "pip install 'pytest-racecheck[zeromq]'"),
        ("psycopg", "pip install 'pytest-racecheck[postgres]'"),
        ("hypothesis", "pip install 'pytest-racecheck[hypothesis]'"),
        ("pytest-xdist", "pip install 'pytest-racecheck[xdist]'"),
    ],
)
def test_a_missing_extra_comes_with_its_command(distribution, command, not_installed, capsys):
    not_installed(distribution)
    assert doctor.run() == 0
    lines = capsys.readouterr().out.splitlines()
    (at,) = [n for n, line in enumerate(lines) if line.startswith(f"{distribution} ")]
    assert lines[at].endswith("not installed")
    assert lines[at + 1].strip() == f"enable it: {command}"


def test_without_the_draft_api_the_report_says_how_to_get_it(cache, capsys):
    doctor.run()
    assert f"enable it: {zmq_draft.enable_command()}" in capsys.readouterr().out


def test_with_the_draft_api_the_report_says_where_it_is(monkeypatch, capsys):
    monkeypatch.setattr(zmq_draft, "found", lambda: DRAFT)
    doctor.run()
    said = capsys.readouterr().out
    assert "libzmq 4.3.4 in /cache/site" in said
    assert zmq_draft.enable_command() not in said


def test_whether_the_installed_pyzmq_has_the_draft_api_is_asked_of_it(cache, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_ask_libzmq", lambda: ("4.3.5", True))
    doctor.run()
    assert "4.3.5, with pyzmq, with draft API" in capsys.readouterr().out


def test_a_pyzmq_that_cannot_be_imported_is_told(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_ASK_LIBZMQ", "raise ImportError")
    doctor.run()
    assert "unknown, pyzmq cannot be imported" in capsys.readouterr().out


def test_long_paths_are_not_wrapped(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("XDG_CACHE_HOME", "/" + "long/" * 40)
    doctor.run()
    assert "/" + "long/" * 40 in capsys.readouterr().out


def test_enabling_says_where_it_is_and_succeeds(monkeypatch, capsys):
    def enable(source, say):
        say(f"building from {source}")
        return DRAFT

    monkeypatch.setattr(zmq_build, "enable", enable)
    assert doctor.run("zmq-draft", "libzmq.tar.gz") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "zmq-draft: building from libzmq.tar.gz"
    assert said[1] == "zmq-draft: ready, libzmq 4.3.4 with pyzmq 27.0 in /cache/site"


def test_what_cannot_be_enabled_ends_with_status_3(cache, capsys):
    assert doctor.run("zmq-draft", "/nowhere/libzmq.tar.gz") == 3
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "there is no file /nowhere/libzmq.tar.gz" in complaint


@pytest.mark.parametrize(
    ("enable", "source", "complaint"),
    [
        ("zmq-drafts", None, "Nothing is called zmq-drafts here: --enable knows zmq-draft\n"),
        (
            None,
            "x.tar.gz",
            "--source goes with --enable zmq-draft: it names the sources to build\n",
        ),
    ],
)
def test_misuse_is_one_sentence_and_status_2(enable, source, complaint, capsys):
    assert doctor.run(enable, source) == 2
    assert capsys.readouterr().err == complaint


def test_an_error_of_ours_is_not_swallowed(monkeypatch):
    def enable(source, say):
        raise MissingDependency("told") if source else ZeroDivisionError

    monkeypatch.setattr(zmq_build, "enable", enable)
    assert doctor.run("zmq-draft", "x") == 3
    with pytest.raises(ZeroDivisionError):
        doctor.run("zmq-draft")


def test_asking_the_doctor_imports_none_of_the_libraries_it_speaks_about():
    script = (
        "import sys; from pytest_racecheck import doctor; doctor.facts();"
        "print([m for m in ('zmq', 'psycopg', 'hypothesis', 'xdist', 'rich', 'bytecode')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
