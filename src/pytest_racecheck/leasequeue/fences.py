"""What an acknowledgement must still own for it to count: nothing, the name, or name and epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_racecheck.leasequeue.schema import GROUP

_COUNT = f"""
update lease set acked_count = acked_count + %(count)s,
    expires_at = case when acked_count + %(count)s >= cardinality(batch)
                 then '-infinity' else expires_at end
where part = %(part)s and consumer_group = '{GROUP}'
"""
_OWNER = " and owner = %(owner)s"
_EPOCH = " and epoch = %(epoch)s"
_CHECK = f"select 1 from lease where part = %(part)s and consumer_group = '{GROUP}'{_OWNER}{_EPOCH}"

#: Connection, and the values of count, part, owner, epoch; whether the lease was counted up.
Fence = Callable[[Any, dict[str, Any]], bool]


def none(connection: Any, held: dict[str, Any]) -> bool:
    """Whoever holds the lease now, it is counted up."""
    return bool(connection.execute(_COUNT, held).rowcount)


def owner(connection: Any, held: dict[str, Any]) -> bool:
    """The name must be the holder's: one that claimed again under its old name passes."""
    return bool(connection.execute(_COUNT + _OWNER, held).rowcount)


def owner_epoch(connection: Any, held: dict[str, Any]) -> bool:
    """Name and epoch are conditions of the update itself."""
    return bool(connection.execute(_COUNT + _OWNER + _EPOCH, held).rowcount)


def check_then_lock(connection: Any, held: dict[str, Any]) -> bool:
    """Name and epoch are looked at in a statement before the update, which has no condition."""
    if connection.execute(_CHECK, held).fetchone() is None:
        return False
    return none(connection, held)


FENCES: dict[str, Fence] = {
    "none": none,
    "owner": owner,
    "owner_epoch": owner_epoch,
    "check_then_lock": check_then_lock,
}
