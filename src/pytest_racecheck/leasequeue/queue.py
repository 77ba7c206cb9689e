"""The lease queue: push, pop a batch of one partition, acknowledge it, renew, reclaim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.leasequeue.claims import CLAIMS
from pytest_racecheck.leasequeue.fences import FENCES
from pytest_racecheck.leasequeue.schema import GROUP

_NEXT = """
select id, payload from message where part = %s
and not exists (select from status where status.message = message.id)
order by id limit %s
"""
_DONE = """
insert into status (message, consumer) select unnest(%s::bigint[]), %s on conflict do nothing
"""
_HELD = f"where part = %s and consumer_group = '{GROUP}' and owner = %s and epoch = %s"


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one partition, as (id, payload) in their order, and the lease they are under."""

    part: int
    owner: str
    epoch: int
    messages: tuple[tuple[int, str], ...]


class LeaseQueue:
    """A consumer's sight of the queue.  No method commits: the caller's transaction does.

    ``claim`` is one of ``CLAIMS``, ``fence`` one of ``FENCES``; RacecheckError for any other.
    """

    def __init__(
        self,
        connection: Any,
        owner: str,
        *,
        claim: str = "skip_locked",
        fence: str = "owner_epoch",
        lease_s: float = 300.0,
    ) -> None:
        self.connection = connection
        self.owner = owner
        self.lease_s = lease_s
        self._claim = _one_of(CLAIMS, claim, "claim")
        self._fence = _one_of(FENCES, fence, "fence")

    def push(self, part: int, payload: str) -> int:
        """Add a message to the end of a partition; its id."""
        made = self.connection.execute(
            "insert into message (part, payload) values (%s, %s) returning id", [part, payload]
        )
        return int(made.fetchone()[0])

    def pop(self, parts: Sequence[int], batch: int) -> Batch | None:
        """Claim the first of ``parts`` that is free and has messages; None when there is none."""
        for part in parts:
            wanted = {"part": part, "owner": self.owner, "lease_s": self.lease_s}
            epoch = self._claim(self.connection, wanted)
            if epoch is None:
                continue
            found = tuple(self.connection.execute(_NEXT, [part, batch]).fetchall())
            if found:
                self._keep(part, epoch, [number for number, _ in found])
                return Batch(part, self.owner, epoch, found)
            self._release(part, epoch)
        return None

    def ack(self, batch: Batch) -> int:
        """Mark the messages as done; how many were accepted: all, or none when the lease is not
        ours in the eyes of the fence."""
        held = {
            "part": batch.part,
            "owner": batch.owner,
            "epoch": batch.epoch,
            "count": len(batch.messages),
        }
        if not self._fence(self.connection, held):
            return 0
        numbers = [number for number, _ in batch.messages]
        self.connection.execute(_DONE, [numbers, batch.owner])
        return len(batch.messages)

    def renew(self, batch: Batch) -> bool:
        """Hold the lease for another ``lease_s`` from now; False when it is somebody else's."""
        renewed = self.connection.execute(
            "update lease set expires_at = clock_timestamp() + make_interval(secs => %s) " + _HELD,
            [self.lease_s, batch.part, batch.owner, batch.epoch],
        )
        return bool(renewed.rowcount)

    def reclaim(self) -> int:
        """Free the leases that have expired, passing by those in use; how many."""
        freed = self.connection.execute(
            "update lease set owner = null, expires_at = '-infinity' where part in (select part "
            "from lease where owner is not null and expires_at <= clock_timestamp() "
            "order by part for update skip locked)"
        )
        return int(freed.rowcount)

    def _keep(self, part: int, epoch: int, numbers: list[int]) -> None:
        self.connection.execute(
            "update lease set batch = %s " + _HELD, [numbers, part, self.owner, epoch]
        )

    def _release(self, part: int, epoch: int) -> None:
        self.connection.execute(
            "update lease set expires_at = '-infinity' " + _HELD, [part, self.owner, epoch]
        )


def _one_of(table: dict[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise RacecheckError(f"LeaseQueue: {what}={name!r} is none of {', '.join(table)}")
    return table[name]
