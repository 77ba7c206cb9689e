"""The PostgreSQL server of a test session: yours by option or ini file, else one of our own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.postgres import servers


def server_of_session(config: pytest.Config) -> Iterator[servers.Server]:
    """A server for as long as the session lasts; fails the tests that need it when it cannot be."""
    given = config.getoption("racecheck_postgres") or config.getini("racecheck_postgres")
    before = os.environ.get(servers.DSN_VARIABLE)
    if given:
        servers.forget()  # another session in this process may have used another one
        os.environ[servers.DSN_VARIABLE] = given
    try:
        yield _server_or_failure()
    finally:
        if given:
            servers.forget()
            os.environ.pop(servers.DSN_VARIABLE, None)
            if before is not None:
                os.environ[servers.DSN_VARIABLE] = before


def _server_or_failure() -> servers.Server:
    try:
        return servers.server()
    except RacecheckError as problem:
        said = str(problem)
    return pytest.fail(f"racecheck: {said}", pytrace=False)
