"""The worker without socket, threads and clock: what the master says, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from pytest_racecheck.locust.wire import KNOWN, PYTHON_VERSION_CHECK_OFF, Message

READY, SPAWNING, RUNNING, STOPPED = "ready", "spawning", "running", "stopped"
NOTHING_YET: Final[dict[str, Any]] = {
    "name": "Aggregated",
    "method": "",
    "last_request_timestamp": None,
    "start_time": 0.0,
    "num_requests": 0,
    "num_none_requests": 0,
    "num_failures": 0,
    "total_response_time": 0,
    "max_response_time": 0,
    "min_response_time": None,
    "total_content_length": 0,
    "response_times": {},
    "num_reqs_per_sec": {},
    "num_fail_per_sec": {},
}


@dataclass
class WorkerState:
    """`receive` gives the answers in their order; `ended` is set by `quit`."""

    node_id: str
    state: str = READY
    index: int | None = None
    users: dict[str, int] = field(default_factory=dict)
    ended: bool = False
    refused: int = 0
    heard: dict[str, int] = field(default_factory=dict)
    beats: int = 0
    newest_order: float = float("-inf")

    def ready(self) -> Message:
        """What registers the worker."""
        return Message("client_ready", PYTHON_VERSION_CHECK_OFF, self.node_id)

    def ready_again(self) -> Message:
        """What registers it with a master that does not know it, and begins with no users.

        Locust's master waits for workers whose heartbeats say `ready`; one that still says
        `running`, for a master that is gone, would be waited for without end.
        """
        self.state, self.users = READY, {}
        return self.ready()

    def heartbeat(self) -> Message:
        """How things are now; `sequence` is ours, a master that does not know it reads over it."""
        self.beats += 1
        data = {
            "state": self.state,
            "current_cpu_usage": 0.0,
            "current_memory_usage": 0,
            "sequence": self.beats,
        }
        return Message("heartbeat", data, self.node_id)

    def stats(self) -> Message:
        """A report of statistics: so many users, and no request yet."""
        data = {
            "stats": [],
            "stats_total": NOTHING_YET,
            "errors": {},
            "user_classes_count": dict(self.users),
            "user_count": sum(self.users.values()),
        }
        return Message("stats", data, self.node_id)

    def receive(self, message: Message) -> list[Message]:
        """What the master said, and the answers to it."""
        kind = message.type if message.type in KNOWN else "custom"
        self.heard[kind] = self.heard.get(kind, 0) + 1
        if message.type == "ack":
            self.index = message.data["index"]
        elif message.type == "spawn":
            return self._spawn(message.data)
        elif message.type == "stop":
            return self._stop()
        elif message.type == "quit":
            self.ended = True
        return []

    def _spawn(self, job: dict[str, Any]) -> list[Message]:
        if job["timestamp"] <= self.newest_order:
            return []  # an order that a newer one has overtaken
        self.newest_order = job["timestamp"]
        self.users = dict(job["user_classes_count"])
        self.state = RUNNING  # no users are made here, so none have to be waited for
        counts = {"user_classes_count": self.users, "user_count": sum(self.users.values())}
        return [self._to_master("spawning", None), self._to_master("spawning_complete", counts)]

    def _stop(self) -> list[Message]:
        return [self._to_master("client_stopped", None), self.ready_again()]

    def _to_master(self, kind: str, data: Any) -> Message:
        return Message(kind, data, self.node_id)
