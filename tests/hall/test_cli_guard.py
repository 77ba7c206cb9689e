"""``racecheck guard``: a race is recorded, kept away, and missed when it comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent.parent.parent / "src"

TEST = """
import threading
import pytest
from shop import Counter

@pytest.mark.racecheck(executions=500, seconds=60)
def test_hits_are_counted():
    counter = Counter()
    threads = [threading.Thread(target=counter.hit) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert counter.hits == 2
"""
BUGGY = """
import threading

class Counter:
    def __init__(self):
        self.hits = 0
        self.lock = threading.Lock()

    def hit(self):
        seen = self.hits
        self.hits = seen + 1
"""
FIXED = BUGGY.replace(
    "        seen = self.hits\n        self.hits = seen + 1",
    "        with self.lock:\n            seen = self.hits\n            self.hits = seen + 1",
)
OTHERWISE = BUGGY.replace("seen = self.hits\n", "# quicker\n        seen = self.hits\n").replace(
    "import threading", "import logging\nimport threading"
)
REWRITTEN = """
import itertools, threading

class Counter:
    def __init__(self):
        self._hits = itertools.count()

    @property
    def hits(self):
        return 2

    def hit(self):
        next(self._hits)
"""
GUARD = "tests/guards/hits_are_counted.json"
NAME = "tests/test_shop.py::test_hits_are_counted"


class Shop:
    """A project in a git repository, and the command in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "tests").mkdir()
        (path / "src").mkdir()
        (path / "tests" / "test_shop.py").write_text(TEST)
        (path / "pytest.ini").write_text("[pytest]\npythonpath = src\n")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "GIT_"))},
            "PYTHONPATH": str(SOURCES),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "pytest_racecheck.plugin",
            "TMPDIR": str(path.parent / "tmp"),
            **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "a"),
            **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@example.org"),
        }
        (path.parent / "tmp").mkdir()

    def code(self, text: str) -> None:
        (self.path / "src" / "shop.py").write_text(text)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self) -> str:
        if not (self.path / ".git").exists():
            self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def guard(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest_racecheck", "guard", *arguments],
            cwd=self.path,
            env=self.env,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=self.path,
            env=self.env,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @property
    def left(self) -> list[str]:
        """What lies in the folder of temporary files, and worktrees that git still knows."""
        known = self.git("worktree", "list").splitlines()[1:]
        return [*known, *(p.name for p in (self.path.parent / "tmp").iterdir())]


def new_shop(path: Path) -> Shop:
    (path / "shop").mkdir()
    made = Shop(path / "shop")
    made.code(BUGGY)
    return made


@pytest.fixture
def shop(tmp_path) -> Shop:
    return new_shop(tmp_path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Shop:
    """A shop with a guard, written on the buggy code; nobody changes it."""
    made = new_shop(tmp_path_factory.mktemp("recorded"))
    done = made.guard(NAME)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def guarded(shop, recorded) -> Shop:
    """Another one with the same code and the same guard."""
    (shop.path / GUARD).parent.mkdir()
    (shop.path / GUARD).write_bytes((recorded.path / GUARD).read_bytes())
    return shop


def test_a_race_that_is_there_is_recorded(recorded):
    data = json.loads((recorded.path / GUARD).read_text())
    assert data["racecheck guard"] == 1
    assert data["test"] == NAME
    assert data["failure"]["type"] == "AssertionError"
    assert "src/shop.py::Counter.hit" in data["functions"]
    assert data["around"]["preemptions"] == 1
    assert str(recorded.path) not in (recorded.path / GUARD).read_text()
    assert len((recorded.path / GUARD).read_text()) < 4000, "small enough to be reviewed"
    assert not (recorded.path / ".racecheck").exists()


def test_a_race_that_has_a_guard_is_not_recorded_again(guarded):
    done = guarded.guard(NAME)
    assert done.returncode == 4
    assert "guards it already; to record it anew, delete that file first" in done.stderr
    assert "no race to guard" not in done.stderr


def test_on_the_code_that_has_it_the_race_is_back(guarded):
    done = guarded.guard("--check")
    assert done.returncode == 1
    assert "guard 'hits_are_counted': the race is back: AssertionError at test_shop.py" in (
        done.stdout
    )


def test_on_the_fixed_code_the_guard_holds(guarded):
    guarded.code(FIXED)
    done = guarded.guard("--check", GUARD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "guard 'hits_are_counted' holds: " in done.stdout
    assert "every schedule with at most 1 preemption" in done.stdout


def test_the_race_in_other_code_is_back_too(guarded):
    guarded.code(OTHERWISE)
    assert guarded.guard("--check").returncode == 1


def test_code_that_moved_too_far_is_said_and_is_no_pass(guarded):
    guarded.code(REWRITTEN)
    done = guarded.guard("--check")
    assert done.returncode == 4
    assert "the code has moved too far" in done.stdout


def test_a_test_that_is_gone_is_no_pass(guarded):
    (guarded.path / "tests" / "test_shop.py").write_text("def test_other(): pass\n")
    done = guarded.guard("--check")
    assert done.returncode == 4
    assert "guard 'hits_are_counted' cannot be checked" in done.stdout


def test_a_test_without_a_race_makes_no_guard(shop):
    shop.code(FIXED)
    done = shop.guard(NAME)
    assert done.returncode == 4
    assert "there is no race to guard" in done.stderr
    assert not (shop.path / GUARD).exists()


# --------------------------------------------------------------------------------- under pytest


def test_pytest_checks_the_guard_first_and_fails_by_its_name(guarded):
    done = guarded.pytest("-q")
    assert done.returncode == 1
    assert "guard 'hits_are_counted': the race is back" in done.stdout
    guarded.code(FIXED)
    done = guarded.pytest("-q")
    assert done.returncode == 0, done.stdout
    assert "guard 'hits_are_counted' holds" in done.stdout


def test_pytest_counts_a_guard_that_cannot_tell_and_fails_when_strict(guarded):
    guarded.code(REWRITTEN)
    done = guarded.pytest("-q")
    assert done.returncode == 0
    assert "the code has moved too far" in " ".join(done.stdout.split())
    done = guarded.pytest("-q", "-o", "racecheck_strict=true")
    assert done.returncode == 1
    assert "the code has moved too far" in " ".join(done.stdout.split())


def test_guards_can_be_switched_off_and_moved(guarded):
    guarded.code(FIXED)
    done = guarded.pytest("-q", "--racecheck-guards=off")
    assert "holds" not in done.stdout
    (guarded.path / GUARD).rename(guarded.path / "mine.json")
    done = guarded.pytest("-q", "-o", "racecheck_guard_folder=.")
    assert "guard 'mine' holds" in done.stdout


BARELY_DAMAGED = ("", '{"racecheck guard": 1}', "[]")


@pytest.mark.parametrize(
    "text",
    [
        '{"racecheck guard": 2}',
        *(pytest.param(one, marks=pytest.mark.slow) for one in BARELY_DAMAGED),
        "[" * 100_000,
    ],
)
def test_a_damaged_guard_is_named_and_is_no_pass(guarded, text):
    (guarded.path / GUARD).write_text(text)
    done = guarded.guard("--check")
    assert done.returncode == 2
    assert GUARD in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = guarded.pytest("-q", "--racecheck-database=off")
    assert "a guard cannot be checked" in " ".join(done.stdout.split())


def test_a_damaged_guard_does_not_keep_the_others_from_being_checked(guarded):
    (guarded.path / "tests" / "guards" / "a_damaged_one.json").write_text("[")
    done = guarded.guard("--check")
    assert done.returncode == 1, "a race that is back outweighs a damaged file"
    assert "is back" in done.stdout
    assert "a_damaged_one.json is damaged" in done.stderr
    guarded.code(FIXED)
    done = guarded.guard("--check")
    assert done.returncode == 2, done.stdout
    assert "holds" in done.stdout


# ---------------------------------------------------------------------------- before and after


def test_before_and_after_in_one_command(shop):
    old = shop.commit()
    shop.code(FIXED)
    done = shop.guard(NAME, "--before", old)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"at revision {old}, and not here" in done.stdout
    data = json.loads((shop.path / GUARD).read_text())
    assert data["fixed"]["matched"] > 0
    assert data["fixed"]["functions"] != data["functions"]
    assert shop.left == []
    assert shop.git("status", "--porcelain").split() == ["M", "src/shop.py", "??", "tests/guards/"]
    assert shop.guard("--check").returncode == 0
    shop.code(BUGGY)
    assert shop.guard("--check").returncode == 1


def test_a_test_that_was_written_with_the_fix_is_taken_along(shop):
    (shop.path / "tests" / "test_shop.py").rename(shop.path / "later")
    (shop.path / "tests" / "keep").write_text("")
    old = shop.commit()
    (shop.path / "later").rename(shop.path / "tests" / "test_shop.py")
    shop.code(FIXED)
    assert shop.guard(NAME, "--before", old).returncode == 0


def test_a_rewritten_fix_can_be_guarded_when_it_was_verified(shop):
    old = shop.commit()
    shop.code(REWRITTEN)
    done = shop.guard(NAME, "--before", old)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.guard("--check").returncode == 0


def test_a_race_that_is_not_fixed_makes_no_guard(shop):
    old = shop.commit()
    shop.code(OTHERWISE)
    done = shop.guard(NAME, "--before", old)
    assert done.returncode == 1
    assert "it is not fixed here, so no guard is written" in done.stdout
    assert not (shop.path / GUARD).exists()
    assert shop.left == []


def test_a_revision_without_the_race_makes_no_guard(shop):
    shop.code(FIXED)
    old = shop.commit()
    done = shop.guard(NAME, "--before", old)
    assert done.returncode == 4
    assert "there is no race to guard" in done.stderr
    assert shop.left == []


@pytest.mark.parametrize("revision", ["nonsense", "--orphan", ""])
def test_a_revision_that_is_none_is_one_sentence(shop, revision):
    shop.commit()
    done = shop.guard(NAME, f"--before={revision}")
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert shop.left == []


def test_code_that_is_imported_from_here_is_not_taken_for_the_old_one(shop):
    old = shop.commit()
    ini = f"[pytest]\npythonpath = {shop.path / 'src'}\n"
    (shop.path / "pytest.ini").write_text(ini)
    old = shop.commit()
    shop.code(BUGGY + "\n# newer\n")
    done = shop.guard(NAME, "--before", old)
    assert done.returncode == 2
    assert "from here, not from revision" in done.stderr
    assert shop.left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(shop, number):
    marker = shop.path.parent / "running"
    slow = f"open({str(marker)!r}, 'w').close(); import time; time.sleep(60)\n"
    (shop.path / "conftest.py").write_text(slow)
    old = shop.commit()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_racecheck", "guard", NAME, "--before", old],
        cwd=shop.path,
        env=shop.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert shop.left == []


def test_misuse_is_one_sentence(shop):
    for arguments in ((), ("one", "two"), ("--check", "--before", "x"), ("--check", "none.json")):
        done = shop.guard(*arguments)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
    assert shop.guard("--check").returncode == 2, "no guard at all is no pass"
