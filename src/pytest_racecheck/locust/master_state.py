"""The master without socket, thread and clock: what comes in, what it decides, what it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_racecheck.locust.liveness import MISSING, Node
from pytest_racecheck.locust.wire import KNOWN, Message, WireError, unpack

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


class Reply(NamedTuple):
    """One message to the worker behind `identity`."""

    identity: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class LoadTest:
    """The load test to run: users, how many a second, of which class, once so many are ready."""

    users: int = 1
    spawn_rate: float = 1.0
    user_class: str = "User"
    expect_workers: int = 1
    host: str | None = None


@dataclass
class MasterState:
    """The workers it knows, and the state of the test: ready, spawning, running, stopped.

    `receive` and `tick` return what is to be sent. `say` hears the log lines, in Locust's words,
    `whisper` those of level DEBUG. `repeat_stop` tells a worker that runs on after the test was
    stopped to stop once more; Locust does not (A-17).
    """

    test: LoadTest = field(default_factory=LoadTest)
    say: Say = silent
    whisper: Say = silent
    nodes: dict[str, Node] = field(default_factory=dict)
    state: str = "ready"
    repeat_stop: bool = False
    ticks: int = 0
    received: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    stamp: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._indexes: dict[str, int] = {}
        self._newest = 0.0
        self._handlers: dict[str, Callable[[Node, Message], list[Reply]]] = {
            "heartbeat": self._heartbeat,
            "spawning": self._spawning,
            "spawning_complete": self._spawning_complete,
            "client_stopped": self._leaves,
            "quit": self._quits,
        }

    # ------------------------------------------------------------------------------- what comes in

    def receive(self, identity: bytes, payload: bytes) -> list[Reply]:
        """One frame of the worker behind `identity`, decodable or not; the answers."""
        try:
            name = identity.decode()
            message = unpack(payload)
        except ValueError as problem:  # a WireError is one, and so is what `decode` raises
            return self._undecodable(identity, problem)
        kind = message.type if message.type in KNOWN else "custom"
        self.received[kind] = self.received.get(kind, 0) + 1
        if message.type == "client_ready":
            return self._ready(name, message)
        node = self.nodes.get(name)
        if node is None:
            return self._stranger(name, message)
        handler = self._handlers.get(message.type)
        return [] if handler is None else handler(node, message)

    def _undecodable(self, identity: bytes, problem: ValueError) -> list[Reply]:
        self.refused += 1
        name = identity.decode(errors="replace")
        self.say(f"Bad message from worker {name}: {problem}")
        if name not in self.nodes:
            return []
        return [Reply(identity, Message("reconnect", None, name))]

    def _stranger(self, name: str, message: Message) -> list[Reply]:
        if message.type == "spawning":
            self.say(f"Got spawning message from unknown worker {name}. Asking worker to quit.")
            return [self._to(name, "quit", None)]
        self.whisper(f"Got {message.type} message from unknown worker {name}")
        return []

    def _ready(self, name: str, message: Message) -> list[Reply]:
        if message.data is None or (message.data == 0 and isinstance(message.data, int)):
            self.say(
                f"An old (pre 2.0) worker tried to connect ({name}). That's not going to work."
            )
            return []
        index = self._indexes.setdefault(name, len(self._indexes))
        self.nodes[name] = Node(name, index)
        ready = len(self.connected())
        self.say(f"{name} (index {index}) reported as ready. {ready} workers connected.")
        replies = [self._to(name, "ack", {"index": index})]
        if self.state in ("spawning", "running"):
            return replies + self.start()
        if self.state == "ready" and ready >= self.test.expect_workers:
            return replies + self.start()
        return replies

    def _heartbeat(self, node: Node, message: Message) -> list[Reply]:
        if not isinstance(message.data, dict):
            return self._undecodable(node.id.encode(), WireError("a heartbeat without a state"))
        state = message.data["state"]
        if node.beat(state):
            self.say(f"Worker {node.id} self-healed with heartbeat, setting state to {state}.")
        self._settle()
        return [self._to(node.id, "heartbeat", None), *self._once_more(node)]

    def _spawning(self, node: Node, message: Message) -> list[Reply]:
        node.state = "spawning"
        return []

    def _spawning_complete(self, node: Node, message: Message) -> list[Reply]:
        data: dict[str, Any] = message.data or {}
        node.state, node.users = "running", data.get("user_classes_count") or {}
        if self.state != "spawning" or any(n.state != "running" for n in self.connected()):
            return self._once_more(node)
        self.state = "running"
        total = sum(sum(n.users.values()) for n in self.connected())
        self.say(f"All users spawned: {total}")
        return self._to_all("spawning_complete", {"user_count": total})

    def _once_more(self, node: Node) -> list[Reply]:
        if self.repeat_stop and self.state == "stopped" and node.state == "running":
            return [self._to(node.id, "stop", None)]
        return []

    def _leaves(self, node: Node, message: Message) -> list[Reply]:
        del self.nodes[node.id]
        self._settle()
        return []

    def _quits(self, node: Node, message: Message) -> list[Reply]:
        del self.nodes[node.id]
        self.say(f"{node.id} (index {node.index}) quit. {len(self.connected())} workers ready.")
        return []

    # ---------------------------------------------------------------------------- what it decides

    def connected(self) -> list[Node]:
        """The workers that are not missing."""
        return [node for node in self.nodes.values() if node.state != MISSING]

    def start(self) -> list[Reply]:
        """Share the users among the workers, and tell each its part."""
        ready = self.connected()
        test, rate = self.test, f"{self.test.spawn_rate:.2f}"
        self.say(
            f"Sending spawn jobs of {test.users} users at {rate} spawn rate "
            f"to {len(ready)} ready workers"
        )
        self.state = "spawning"
        # A worker takes no order that is not newer than its last, whichever master that was.
        self._newest = max(self.stamp(), self._newest + 1e-3)
        shares = [
            test.users // len(ready) + (at < test.users % len(ready)) for at in range(len(ready))
        ]
        return [
            self._to(node.id, "spawn", self._job(share))
            for node, share in zip(ready, shares, strict=True)
        ]

    def _job(self, users: int) -> dict[str, Any]:
        return {
            "timestamp": self._newest,
            "user_classes_count": {self.test.user_class: users},
            "host": self.test.host,
            "stop_timeout": 0.0,
            "parsed_options": {},
        }

    def stop(self) -> list[Reply]:
        """End the test; missing workers are told as well."""
        if self.state in ("spawning", "running"):
            self.state = "stopped"
        return self._to_all("stop", None)

    def quit(self) -> list[Reply]:
        """Send every worker home."""
        return self._to_all("quit", None)

    def tick(self) -> list[Reply]:
        """A second went by: tells who is missing now, and forgets the dead."""
        self.ticks += 1
        replies: list[Reply] = []
        for node in list(self.nodes.values()):
            news = node.tick()
            if news == "dead":
                del self.nodes[node.id]
            elif news == MISSING:
                self.say(f"Worker {node.id} failed to send heartbeat, setting state to missing.")
                if not self.connected():
                    self.say("The last worker went missing, stopping test.")
                    replies += self.stop()
        return replies

    def _settle(self) -> None:
        """When every worker says that it has stopped, so has the test, and stays stopped."""
        if self.state not in ("spawning", "running") or not self.nodes:
            return
        if all(node.state == "stopped" for node in self.nodes.values()):
            self.state = "stopped"

    def _to(self, name: str, kind: str, data: Any) -> Reply:
        return Reply(name.encode(), Message(kind, data, name))

    def _to_all(self, kind: str, data: Any) -> list[Reply]:
        return [self._to(name, kind, data) for name in self.nodes]
