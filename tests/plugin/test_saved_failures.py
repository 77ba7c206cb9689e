"""``.racecheck/``: a failing schedule is tried first the next time, and no file there can hurt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_racecheck.diagnosis.saved import Database
from pytest_racecheck.engine.recording import Recording

RARE = """
@pytest.mark.racecheck(strategy="random", executions=2000, seconds=60)
def test_rare():
    box, lock = {{"n": 0}}, threading.Lock()
    def add():
        for _ in range(3):
            {work}
    together(add, add, add)
    assert box["n"] > 4
"""
UNSAFE, SAFE = "box['n'] += 1", "with lock: box['n'] += 1"


@pytest.fixture
def rare(suite):
    """A race that takes some executions to find."""
    suite.database = None
    suite.write(RARE.format(work=UNSAFE))
    return suite


def files(suite) -> list[Path]:
    return sorted(suite.path.glob(".racecheck/failures/*/*.json"))


@pytest.mark.parametrize("place", ["../beside", "{}/absolute"])
def test_the_folder_may_be_elsewhere_when_it_is_named(rare, place):
    named = place.format(rare.path)
    rare.here(f"--racecheck-database={named}")
    assert list((rare.path / named).glob("**/*.json"))
    assert files(rare) == []


def test_a_failure_is_saved_and_tried_first_the_next_time(rare):
    first = rare.here()
    assert first.finding["first_failure"] > 1, "else the test shows nothing"
    (file,) = files(rare)
    again = rare.here()
    assert again.finding["executions"] == 1
    assert again.finding["failure"]["where"] == first.finding["failure"]["where"]
    assert again.finding["replays"] == [3, 3]
    again.says("by the schedule that was saved when it failed the last time")
    assert files(rare) == [file]
    assert (rare.path / ".racecheck" / ".gitignore").read_text().endswith("*\n")


def test_the_saved_file_is_versioned_data_without_paths_of_this_machine(rare):
    rare.here()
    (file,) = files(rare)
    data = json.loads(file.read_text())
    assert data["racecheck failure"] == 1
    assert data["test"] == "test_it.py::test_rare"
    assert str(rare.path) not in file.read_text()


def test_a_changed_program_is_tried_too(rare):
    rare.here()
    rare.write(RARE.format(work="extra = [1]; extra.append(2); box['n'] += 1"))
    run = rare.here()
    assert run.finding["executions"] == 1
    assert run.finding["left_schedule"] is not None


def test_a_failure_that_is_gone_is_dropped_and_the_search_goes_on(rare):
    rare.here()
    rare.write(RARE.format(work=SAFE))
    run = rare.here("--racecheck-executions=20")
    assert run.status == 0
    assert run.finding["executions"] == 20
    run.says("does not fail any more: dropped")
    assert files(rare) == []


@pytest.mark.parametrize("how", ["option", "ini"])
def test_it_can_be_moved(rare, how):
    if how == "ini":
        rare.configure(racecheck_database="elsewhere/there")
        rare.here()
    else:
        rare.here("--racecheck-database=elsewhere/there")
    assert not (rare.path / ".racecheck").exists()
    assert len(list(rare.path.glob("elsewhere/there/failures/*/*.json"))) == 1


@pytest.mark.parametrize("how", ["option", "ini"])
def test_it_can_be_switched_off(rare, how):
    if how == "ini":
        rare.configure(racecheck_database="off")
        rare.here()
    else:
        rare.here("--racecheck-database=off")
    assert not (rare.path / ".racecheck").exists()
    assert not (rare.path / "off").exists()


def test_a_run_without_failures_writes_nothing(suite):
    suite.database = None
    suite.write("@coarse\ndef test_it(): together(int, int)\n")
    assert suite.here().status == 0
    assert not (suite.path / ".racecheck").exists()


def test_a_replay_neither_reads_nor_writes(rare):
    found = rare.here("--racecheck-database=off").finding["schedule"]
    rare.here(f"--racecheck-replay={found}")
    assert not (rare.path / ".racecheck").exists()


def test_explore_outside_pytest_writes_nothing(tmp_path):
    program = (
        "import sys, pytest_racecheck as r, replay_programs as p\n"
        "assert r.explore(p.assertion).verdict == 'reproduced'\n"
    )
    here = Path(__file__).parent.parent
    path = os.pathsep.join([str(here), str(here.parent / "src")])
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    assert list(tmp_path.iterdir()) == []


def test_an_isolated_crash_is_saved_and_tried_first(suite):
    suite.database = None
    suite.write("""
@pytest.mark.racecheck(isolate=True, patience_s=0.3, executions=200)
def test_crash():
    box = {"open": True}
    def close(): box["open"] = False
    def use():
        if box["open"]:
            if not box["open"]: os.abort()
    together(close, use)
""")
    assert suite.apart().finding["first_failure"] > 1
    assert suite.apart().finding["first_failure"] == 1


# --------------------------------------------------------------------------------- hostile folders

NEWER = {"racecheck failure": 2, "test": "test_it.py::test_rare"}
HOSTILE = {
    "empty": "",
    "cut off": '{"racecheck failure": 1, "test": "test_it',
    "not text": b"\xff\xfe\x00\x01",
    "a pickle": b"\x80\x04\x95\x00",
    "a list": "[]",
    "another object": '{"a": 1}',
    "newer": json.dumps(NEWER),
    "true for one": '{"racecheck failure": true}',
    "another test": '{"racecheck failure": 1, "test": "other.py::test"}',
    "no recording": '{"racecheck failure": 1, "test": "test_it.py::test_rare"}',
    "nested": "[" * 200_000,
    "nested objects": '{"a":' * 100_000,
    "huge": "[" + "1," * 3_000_000 + "1]",
    "a huge number": '{"racecheck failure": ' + "9" * 10_000 + "}",
}


@pytest.fixture(scope="module")
def seen():
    """Where below its suite the failures of the test were found: it is called after the test."""
    return []


@pytest.fixture
def folder(rare, seen):
    """Where the failures of the test are, emptied."""
    if not seen:
        rare.here()
        (file,) = files(rare)
        file.unlink()
        seen.append(file.parent.relative_to(rare.path))
    place = rare.path / seen[0]
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gives_one_sentence_and_is_left_in_place(rare, folder, name):
    content = HOSTILE[name]
    file = folder / "000009-feed.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = file.read_bytes()
    run = rare.here("-W", "error")
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced", "the search goes on as ever"
    (note,) = run.finding["notes"]
    assert str(file) in note
    assert len(note) < 400
    run.says("warning:")
    assert file.read_bytes() == before


def test_what_is_no_file_is_left_in_place(rare, folder):
    (folder / "1.json").symlink_to("/etc/passwd")
    (folder / "2.json").mkdir()
    os.mkfifo(folder / "3.json")
    run = rare.here()
    assert len(run.finding["notes"]) == 3
    assert {"1.json", "2.json", "3.json"} < {path.name for path in folder.iterdir()}
    assert os.path.islink(folder / "1.json")


@pytest.mark.parametrize("part", [".racecheck", ".racecheck/failures"])
def test_a_link_in_place_of_a_folder_is_not_followed(rare, folder, tmp_path_factory, part):
    other = tmp_path_factory.mktemp("other")
    shutil.rmtree(rare.path / part)
    (rare.path / part).symlink_to(other)
    run = rare.here()
    assert any("no folder of ours" in note for note in run.finding["notes"])
    assert list(other.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_left(rare):
    (rare.path / ".racecheck").write_text("mine")
    run = rare.here()
    assert run.finding["verdict"] == "reproduced"
    assert len(run.finding["notes"]) >= 1
    assert (rare.path / ".racecheck").read_text() == "mine"


def test_a_read_only_root_gives_one_sentence(rare, monkeypatch):
    # As root nothing is read-only, so the file system says it instead.
    def refuse(*_args, **_kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    run = rare.here()
    assert run.finding["verdict"] == "reproduced"
    (note,) = run.finding["notes"]
    assert note.endswith(f"not saved in {rare.path / '.racecheck'}: Read-only file system")


def test_at_most_five_are_kept_of_a_test(tmp_path):
    database = Database(tmp_path / "db")
    for n in range(9):
        database.save("a test", Recording.of_text(f"rc1:random:1x{n + 1}:aa"), {})
    database.save("a test", Recording.of_text("rc1:random:1x9:aa"), {})
    kept = [saved.recording.schedule for saved in database.load("a test")]
    assert kept == [f"rc1:random:1x{n}:aa" for n in (9, 8, 7, 6, 5)], "the newest first"
    assert database.notes == []


@pytest.mark.skipif(
    find_spec("xdist") is None, reason="needs pytest-xdist: pip install pytest-xdist"
)
def test_workers_share_the_folder(suite):
    suite.database = None
    body = RARE.format(work=UNSAFE).replace("def test_rare", "def test_rare_{n}")
    suite.write("".join(body.replace("{n}", str(n)) for n in range(6)))
    first = suite.apart("-p", "xdist", "-n", "2")
    assert len(first.findings) == 6
    assert len(files(suite)) == 6
    again = suite.apart("-p", "xdist", "-n", "2")
    assert {f["executions"] for f in again.findings.values()} == {1}
    assert not list(suite.path.glob(".racecheck/failures/*/.*"))
