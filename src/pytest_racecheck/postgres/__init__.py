"""A real PostgreSQL server of our own, or yours, and databases that are fresh every time."""

from pytest_racecheck.postgres.databases import database
from pytest_racecheck.postgres.servers import Server, server

__all__ = ["Server", "database", "server"]
