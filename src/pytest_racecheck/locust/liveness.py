"""What the master believes of one worker: a counter that heartbeats set and ticks wear down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

HEARTBEAT_INTERVAL_S: Final = 1.0
HEARTBEAT_LIVENESS: Final = 3
DEAD_LIMIT: Final = -60

MISSING: Final = "missing"


@dataclass(slots=True)
class Node:
    """One worker as the master sees it: five ticks without a heartbeat make it missing.

    The constants are Locust's: the counter starts at 3, a tick first looks and then takes one off,
    so a worker is missing between four and five seconds after its last heartbeat, and forgotten
    when the counter has come down to -60.
    """

    id: str
    index: int
    state: str = "ready"
    liveness: int = HEARTBEAT_LIVENESS
    users: dict[str, int] = field(default_factory=dict)

    def beat(self, state: str) -> bool:
        """A heartbeat came; True when the worker was missing and is back."""
        healed = self.state == MISSING
        self.liveness, self.state = HEARTBEAT_LIVENESS, state
        return healed

    def tick(self) -> str | None:
        """A second went by: "missing" when that is news, "dead" when it is to be forgotten."""
        if self.liveness < 0 and self.state != MISSING:
            self.state = MISSING
            return MISSING
        if self.liveness <= DEAD_LIMIT:
            return "dead"
        self.liveness -= 1
        return None
