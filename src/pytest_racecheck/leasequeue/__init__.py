"""A lease queue on PostgreSQL with the choices that break it: claims, fences, retries, cursors."""

from pytest_racecheck.leasequeue.claims import CLAIMS
from pytest_racecheck.leasequeue.conservation import Ledger, pushed_messages
from pytest_racecheck.leasequeue.cursors import CURSORS, deliver
from pytest_racecheck.leasequeue.fences import FENCES
from pytest_racecheck.leasequeue.queue import Batch, LeaseQueue
from pytest_racecheck.leasequeue.rates import TooShort, rate_per_consumer
from pytest_racecheck.leasequeue.schema import SCHEMA, filled
from pytest_racecheck.leasequeue.timing import Timing
from pytest_racecheck.leasequeue.transactions import SilentRollback, attempt, run_tx, verify_commit

__all__ = [
    "CLAIMS",
    "CURSORS",
    "FENCES",
    "SCHEMA",
    "Batch",
    "LeaseQueue",
    "Ledger",
    "SilentRollback",
    "Timing",
    "TooShort",
    "attempt",
    "deliver",
    "filled",
    "pushed_messages",
    "rate_per_consumer",
    "run_tx",
    "verify_commit",
]
