"""Three ways to claim a partition's lease: one waits for other consumers, two do not.

Expiry is compared with ``clock_timestamp()``: ``now()`` is the start of the transaction, and old
after a wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_racecheck.leasequeue.schema import GROUP

#: The first key of the advisory locks; the second is the partition.
LOCK_CLASS = 5003

_UPSERT = f"""
insert into lease as old (part, owner, epoch, expires_at)
values (%(part)s, %(owner)s, 1, clock_timestamp() + make_interval(secs => %(lease_s)s))
on conflict (part, consumer_group) do update set
    owner = excluded.owner, epoch = old.epoch + 1, expires_at = excluded.expires_at, acked_count = 0
    where old.expires_at <= clock_timestamp() and old.consumer_group = '{GROUP}'
returning epoch
"""
_SKIP = f"""
select epoch from lease where part = %(part)s and consumer_group = '{GROUP}'
and expires_at <= clock_timestamp() for update skip locked
"""
_TAKE = f"""
update lease set owner = %(owner)s, epoch = epoch + 1, acked_count = 0,
    expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
where part = %(part)s and consumer_group = '{GROUP}' returning epoch
"""

#: Connection, and the values of part, owner, lease_s; the new epoch, None when it is not free.
Claim = Callable[[Any, dict[str, Any]], int | None]


def _epoch(cursor: Any) -> int | None:
    row = cursor.fetchone()
    return None if row is None else int(row[0])


def blocking_upsert(connection: Any, wanted: dict[str, Any]) -> int | None:
    """Take it if it is free; waits for a consumer that has claimed and not committed."""
    return _epoch(connection.execute(_UPSERT, wanted))


def try_lock(connection: Any, wanted: dict[str, Any]) -> int | None:
    """The same behind an advisory lock of the transaction, which is tried and never waited for."""
    tried = connection.execute(
        "select pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, wanted["part"]]
    )
    return _epoch(connection.execute(_UPSERT, wanted)) if tried.fetchone()[0] else None


def skip_locked(connection: Any, wanted: dict[str, Any]) -> int | None:
    """Lock the lease's row, or pass it by; the expiry is looked at under that lock."""
    if _epoch(connection.execute(_SKIP, wanted)) is None:
        return None
    return _epoch(connection.execute(_TAKE, wanted))


CLAIMS: dict[str, Claim] = {
    "blocking_upsert": blocking_upsert,
    "try_lock": try_lock,
    "skip_locked": skip_locked,
}
