"""The command line: what it says about mistakes, and what it shows without running anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_racecheck

SOURCE = str(Path(pytest_racecheck.__file__).parent.parent)


@pytest.fixture(name="command")
def _command(tiny, tmp_path):
    """Runs the command in an empty folder, with the tiny scenarios unless `tiny_ones` is false."""

    def run(*words, tiny_ones=True, **environment):
        commands = ("list", "run", "replay", "claims")
        where = ["--scenarios", str(tiny.folder)] if tiny_ones and words[0] in commands else []
        return subprocess.run(
            [sys.executable, "-m", "pytest_racecheck", *words, *where],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": SOURCE} | environment,
            check=False,
        )

    return run


def sentence_of(finished):
    """The one sentence on stderr; everything about it that holds for every mistake is checked."""
    assert finished.returncode == 2, finished
    assert finished.stdout == ""
    assert finished.stderr.startswith("racecheck: ")
    assert finished.stderr.count("\n") == 1
    return finished.stderr.removeprefix("racecheck: ").strip()


MISTAKES = {
    "unknown command": ("rnu", "unknown command 'rnu': did you mean 'run'?"),
    "unknown scenario": (
        "run tiny_conter",
        "unknown scenario 'tiny_conter': did you mean 'tiny_counter'?",
    ),
    "unknown variant": (
        "run tiny_counter/fxed",
        "tiny_counter has no variant 'fxed': did you mean 'fixed'?",
    ),
    "unknown strategy": (
        "run --strategy bouned",
        "argument --strategy: unknown 'bouned': did you mean 'bounded'?",
    ),
    "unknown transport": (
        "run --transport tpc",
        "argument --transport: unknown 'tpc': did you mean 'tcp'?",
    ),
    "transport nobody declares": (
        "run --transport tcp",
        "nothing to run: no chosen variant declares --transport tcp",
    ),
    "unknown mode": ("run --mode fre", "argument --mode: unknown 'fre': did you mean 'free'?"),
    "unknown points": (
        "run --points acess",
        "argument --points: unknown 'acess': did you mean 'access'?",
    ),
    "negative seconds": (
        "run --seconds -3",
        "argument --seconds: '-3': expected a number of seconds above 0",
    ),
    "infinite seconds": ("run --seconds inf", "argument --seconds: 'inf': expected"),
    "seconds that are none": ("run --seconds nan", "argument --seconds: 'nan': expected"),
    "negative executions": (
        "run --executions -4",
        "argument --executions: '-4': expected a whole number, 1 or more",
    ),
    "no executions": (
        "run --executions 0",
        "argument --executions: '0': expected a whole number, 1 or more",
    ),
    "executions in words": (
        "run --executions many",
        "argument --executions: 'many': expected a whole number",
    ),
    "half a worker": ("run -n 0.5", "argument -n: '0.5': expected a whole number, 1 or more"),
    "huge number": ("run --seed " + "9" * 5000, "expected a whole number, 0 or more"),
    "unknown option": (
        "run --sedonds 3",
        "run: unknown argument '--sedonds': did you mean '--seconds'?",
    ),
    "option without value": ("run --seconds", "argument --seconds: expected one argument"),
    "no schedule": ("replay tiny_counter/buggy", "the following arguments are required: SCHEDULE"),
    "replay of no variant": (
        "replay tiny_counter rc1:x:0:00",
        "'tiny_counter' names no variant: write SCENARIO/VARIANT",
    ),
    "malformed schedule": ("replay tiny_counter/buggy zzz", "'zzz' is not a replay text"),
    "schedule of another version": (
        "replay tiny_counter/buggy rc9:x:0:00",
        "replay text version rc9",
    ),
    "schedule of another program": (
        "replay tiny_counter/buggy rc1:random:9x3:21",
        "tiny_counter/buggy controlled: the schedule does not fit this program: choice 1",
    ),
    "unknown anomaly": (
        "list --anomaly lost",
        "argument --anomaly: unknown 'lost': did you mean 'lost message'?",
    ),
    "results into a folder": (
        "run --json /tmp",
        "--json /tmp: it cannot be written: it is a folder",
    ),
    "results to nowhere": (
        "run --json no/where",
        "--json no/where: it cannot be written: there is no folder",
    ),
    "results on a full device": (
        "run --mode free --json /dev/full",
        "--json /dev/full: it cannot be written: No space left",
    ),
    "no claims": ("claims", "claims.toml: it cannot be read: No such file or directory"),
}


@pytest.mark.parametrize(("line", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gets_one_sentence_and_status_2(command, line, expected):
    finished = command(*line.split())
    if "full" in line:  # it has run by then; the sentence is all that is said
        finished.stderr = finished.stderr.splitlines(keepends=True)[-1]
    assert expected in sentence_of(finished)


def test_no_command_gets_the_list_of_commands(command):
    finished = command("--", tiny_ones=False)
    assert sentence_of(finished).startswith(
        "name a command: list, run, replay, explain, guard, claims, doctor"
    )


def test_a_scenario_with_a_wrong_key_is_named(command, tiny):
    folder = tiny.change("anomaly  =", "anomalie =")
    expected = f"{folder}/scenario.toml: unknown key 'anomalie': did you mean 'anomaly'?"
    for word in ("list", "run"):
        assert sentence_of(command(word)) == expected


def test_a_folder_that_is_not_there_is_named(command):
    finished = command("run", "--scenarios", "/nowhere/at/all", tiny_ones=False)
    assert sentence_of(finished) == "--scenarios /nowhere/at/all: there is no such folder"


def test_the_list_shows_scenarios_variants_and_promises(command):
    finished = command("list")
    assert (finished.returncode, finished.stderr) == (0, "")
    lines = finished.stdout.splitlines()
    assert lines[0] == "tiny_counter  (lost message, T-01)"
    assert [line.split() for line in lines if "buggy" in line] == [
        ["buggy", "controlled:", "reproduced;", "free:", "reproduced"]
    ]
    assert lines[-1] == "1 scenarios, 2 variants"


def test_the_list_can_be_narrowed_to_an_anomaly(command):
    assert "0 scenarios" in command("list", "--anomaly", "deadlock").stdout
    assert "1 scenarios" in command("list", "--anomaly", "lost message", "-v").stdout


def test_the_list_of_our_own_scenarios_can_be_read(command):
    finished = command("list", "-v", tiny_ones=False)
    assert finished.returncode == 0, finished.stderr
    assert "signalling_pair_reconnect" in finished.stdout


def test_help_tells_the_exit_statuses(command):
    for words in (["--help"], ["run", "--help"]):
        finished = command(*words, tiny_ones=False)
        assert finished.returncode == 0
        assert "3  something could not be run here" in finished.stdout


def test_the_version_is_told(command):
    finished = command("--version", tiny_ones=False)
    assert finished.stdout == f"racecheck {pytest_racecheck.__version__}\n"


def test_a_reader_who_has_had_enough_ends_it_quietly(command, tiny, tmp_path):
    line = f"{sys.executable} -m pytest_racecheck list --scenarios {tiny.folder}"
    for number in range(300):
        tiny.write(f"scenario_{number}")
    finished = subprocess.run(
        ["/bin/sh", "-c", f"{line} | head -n 1"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": SOURCE},
        check=False,
    )
    assert finished.stdout.count("\n") == 1
    assert finished.stderr == ""


def test_a_terminal_that_knows_ascii_only_is_served(command, tiny):
    tiny.change("Two threads add", "Two threads “add”")
    finished = command("list", PYTHONIOENCODING="ascii")
    assert finished.returncode == 0, finished.stderr
    assert "Two threads \\u201cadd\\u201d" in finished.stdout


def test_a_current_folder_that_is_gone_is_said(tiny, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"{sys.executable} -m pytest_racecheck run --scenarios {tiny.folder}"
    finished = subprocess.run(
        ["/bin/sh", "-c", f"cd {gone} && rmdir {gone} && exec {line}"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": SOURCE},
        check=False,
    )
    assert "the current folder is gone" in sentence_of(finished)


def test_the_doctor_is_asked(command):
    finished = command("doctor", tiny_ones=False)
    assert finished.returncode == 0
    assert "pyzmq" in finished.stdout
    finished = command("doctor", "--enable", "nonsense", tiny_ones=False)
    assert finished.returncode == 2


def test_importing_the_command_imports_no_heavy_library():
    heavy = ["zmq", "rich", "bytecode", "hypothesis", "psycopg", "ctypes", "pytest"]
    program = f"import sys, pytest_racecheck.cli; print([m for m in {heavy} if m in sys.modules])"
    finished = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": SOURCE},
        check=True,
    )
    assert finished.stdout == "[]\n"
