"""A server of our own: there when it is asked for, and gone with us, however we go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("psycopg")

from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.postgres import binaries, servers
from pytest_racecheck.postgres.databases import opened

pytestmark = pytest.mark.skipif(binaries.find() is None, reason=binaries.ENABLE)

PROGRAM = """
import os, signal, sys
from pytest_racecheck.postgres.servers import start
found = start()
print(found.running.folder, flush=True)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
found.close()
"""


@pytest.mark.parametrize(("how", "status"), [("close", 0), ("kill", -signal.SIGKILL)])
def test_nothing_is_left_of_a_server(how: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    folder = Path(done.stdout.strip())
    for _ in range(2000):  # killed, the one who cleans up needs a moment
        if not folder.exists():
            break
        time.sleep(0.01)
    assert not folder.exists()
    assert str(folder) not in _command_lines()


def _command_lines() -> str:
    texts = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)


def test_a_server_that_dies_midway_is_one_clear_error() -> None:
    found = servers.start()
    assert found.running is not None
    try:
        with opened("create table t (x int)", server=found) as database:
            pid = int((found.running.folder / "server").read_text())
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(RacecheckError, match=r"^PostgreSQL (went away|cannot be reached)"):
                list(map(database.execute, ["select 1"] * 100))
    finally:
        found.close()
    assert not found.running.folder.exists()


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("host=/nowhere", r"cannot be reached: .* see that the server runs"),
        ("nonsense", r"connection string is wrong: .* mend it \(--racecheck-postgres=DSN\)"),
    ],
)
def test_a_wrong_connection_string_says_what_to_do(
    dsn: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(servers.DSN_VARIABLE, dsn)
    with pytest.raises(RacecheckError, match=said):
        servers.start()


def test_each_use_of_a_database_begins_empty() -> None:
    for _ in range(2):
        with opened("create table t (x int); insert into t values (1)") as database:
            assert database.execute("select count(*) from t") == [("1",)]
            database.execute("insert into t values (2)")
    with opened("insert into t values (3)", base="create table t (x int)") as database:
        assert database.execute("select x from t") == [("3",)]


def test_the_fixture_gives_each_execution_an_empty_database(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import threading
        import pytest

        @pytest.mark.racecheck(points="sync", strategy="bounded", preemptions=1)
        def test_rows(postgres):
            postgres.execute("create table account (value int); insert into account values (0)")

            def add():
                with postgres.connect() as connection:
                    connection.execute("update account set value = value + 1")

            threads = [threading.Thread(target=add) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert postgres.execute("select value from account") == [("2",)]
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1 ruled out*"])
