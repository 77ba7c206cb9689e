"""The policies by name: each a way to share the socket, and what waits to be sent beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq

from pytest_racecheck.errors import UsageError
from pytest_racecheck.locust.fair_lock import FairLock
from pytest_racecheck.locust.outbox import OneQueue, Outbox, SlotFirst, at_the_tail, forget
from pytest_racecheck.locust.sharing import (
    YIELD_S,
    CloseForeign,
    Link,
    LockBlocking,
    LockDontwait,
    LockTimeout,
    Socket,
    Unlocked,
    dealer,
)
from pytest_racecheck.locust.single_owner import SingleOwner

Context = zmq.Context[Socket]
MOST_MS: Final = 3_600_000


def _one_queue() -> Outbox:
    return OneQueue(forget)


@dataclass(frozen=True, slots=True)
class Policy:
    """`connect(context, endpoint, identity)` gives the link; `outbox()` what feeds the sender."""

    name: str
    connect: Callable[[Context, str, str], Link]
    outbox: Callable[[], Outbox] = _one_queue


def _on_a_dealer(make: Callable[[Socket], Link]) -> Callable[[Context, str, str], Link]:
    return lambda context, endpoint, identity: make(dealer(context, endpoint, identity))


def _close_foreign(what: str) -> Callable[[Context, str, str], Link]:
    def connect(context: Context, endpoint: str, identity: str) -> Link:
        return CloseForeign(context, dealer(context, endpoint, identity), what)

    return connect


_PLAIN: Final = {
    policy.name: policy
    for policy in (
        Policy("unlocked", _on_a_dealer(Unlocked)),
        Policy("lock_blocking", _on_a_dealer(LockBlocking)),
        Policy("lock_dontwait(drop)", _on_a_dealer(LockDontwait)),
        Policy(
            "lock_dontwait(retry_tail)", _on_a_dealer(LockDontwait), lambda: OneQueue(at_the_tail)
        ),
        Policy("lock_dontwait(latest)", _on_a_dealer(LockDontwait), SlotFirst),
        Policy("single_owner", SingleOwner),
        Policy("single_owner_priority", SingleOwner, SlotFirst),
        Policy("close_foreign(socket)", _close_foreign("socket")),
        Policy("close_foreign(context)", _close_foreign("context")),
    )
}
_TIMED: Final[dict[str, Callable[[int], Callable[[Socket], Link]]]] = {
    "lock_timeout": lambda ms: lambda socket: LockTimeout(socket, ms),
    "lock_timeout_yield": lambda ms: lambda socket: LockTimeout(socket, ms, YIELD_S),
    "lock_fair": lambda ms: lambda socket: LockTimeout(socket, ms, lock=FairLock()),
}
NAMES: Final = (*_PLAIN, *(f"{name}(MS)" for name in _TIMED))


def policy(name: str) -> Policy:
    """The policy called `name`, such as ``lock_timeout(100)``. Raises UsageError."""
    if name in _PLAIN:
        return _PLAIN[name]
    matched = re.fullmatch(r"(\w+)\((\d{1,9})\)", name)
    if matched and matched[1] in _TIMED and 1 <= int(matched[2]) <= MOST_MS:
        return Policy(name, _on_a_dealer(_TIMED[matched[1]](int(matched[2]))))
    raise UsageError(
        f"no policy {name!r}: there are {', '.join(NAMES)}; MS are 1 to {MOST_MS} milliseconds"
    )
