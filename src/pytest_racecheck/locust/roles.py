"""The worker: receiver, sender, heartbeater and watchdog over one link, whatever its policy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from pytest_racecheck.locust.liveness import HEARTBEAT_INTERVAL_S
from pytest_racecheck.locust.master_state import Say, silent
from pytest_racecheck.locust.outbox import Letter, Outbox
from pytest_racecheck.locust.sharing import Link
from pytest_racecheck.locust.wire import Message, WireError, pack, unpack
from pytest_racecheck.locust.worker_state import RUNNING, WorkerState

ROLES = ("receive", "send", "beat", "watch")


@dataclass(frozen=True, slots=True)
class Timing:
    """Locust's constants in seconds; `stats_every` counts heartbeats."""

    interval_s: float = HEARTBEAT_INTERVAL_S
    connect_timeout_s: float = 5.0
    connect_tries: int = 60  # 1: go on without an ack, as locust4j does
    master_timeout_s: float = 60.0
    register_again_s: float | None = None  # no answer for so long: register again
    stats_every: int = 3
    refusal_pause_s: float = 0.010
    farewell_s: float = 1.0  # so long may the last messages take


class Worker:
    """Four threads and the queue between them; `start`, then `join` or `stop`.

    `latencies_s` are the seconds from queueing a heartbeat to the return of its send; `failure`
    says why it ended without the master's `quit`.
    """

    def __init__(
        self,
        node_id: str,
        link: Link,
        outbox: Outbox,
        *,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        say: Say = silent,
    ) -> None:
        self.state = WorkerState(node_id)
        self.latencies_s: list[float] = []
        self.failure: str | None = None
        self._link = link
        self._outbox = outbox
        self._timing = timing or Timing()
        self._clock = clock
        self._say = say
        self._acked = threading.Event()
        self._ended = threading.Event()
        self._heard_s = 0.0
        self._threads: dict[str, threading.Thread] = {}

    def start(self, *roles: str) -> None:
        """Register, then start the roles, all four unless some are named (see ROLES)."""
        self._heard_s = self._clock()
        if not self._link.send(pack(self.state.ready())):  # nobody else uses the link yet
            self.queue(self.state.ready())
        for role in roles or ROLES:
            work = getattr(self, f"_{role}")
            thread = threading.Thread(target=work, name=role, daemon=True)
            self._threads[role] = thread
            thread.start()

    def stop(self) -> None:
        """End from this side: say `quit`, wait for the roles, close the link."""
        self.queue(Message("quit", None, self.state.node_id))
        self._end()
        self.join()

    def join(self) -> None:
        """Wait until the master has said `quit` or has been silent for too long; then close."""
        self._ended.wait()
        if "send" in self._threads:  # what is queued goes out, unless the socket takes no more
            self._threads["send"].join(self._timing.farewell_s)
        self._link.interrupt()
        for thread in self._threads.values():
            thread.join()
        self._link.close()

    def queue(self, message: Message) -> None:
        """Put a message into the outbox, as the roles do."""
        self._outbox.put(Letter(message, self._clock()))

    # --------------------------------------------------------------------------------- four roles

    def _receive(self) -> None:
        while True:
            try:
                payload = self._link.recv()
            except zmq.ZMQError as error:
                self._give_up(
                    f"Failed to receive message from master, quit: {error} (errno {error.errno})"
                )
                return
            if payload is not None:
                self._hear(payload)
            if self._ended.is_set():
                return

    def _hear(self, payload: bytes) -> None:
        try:
            message = unpack(payload)
        except WireError as problem:
            self.state.refused += 1
            self._say(f"Bad message from the master, dropped: {problem}")
            return
        self._heard_s = self._clock()
        for answer in self.state.receive(message):
            self.queue(answer)
        if self.state.index is not None:
            self._acked.set()
        if self.state.ended:
            self._end()

    def _send(self) -> None:
        while (letter := self._outbox.take()) is not None:
            if not self._link.send(pack(letter.message)):
                self._outbox.refused(letter)
                if self._ended.wait(self._timing.refusal_pause_s):
                    return  # the socket takes no more, and it is time to go
            elif letter.message.type == "heartbeat":
                self.latencies_s.append(self._clock() - letter.queued_s)

    def _beat(self) -> None:
        self._wait_for_ack()
        while not self._ended.is_set():
            self.queue(self.state.heartbeat())
            if self.state.state == RUNNING and self.state.beats % self._timing.stats_every == 0:
                self.queue(self.state.stats())
            self._ended.wait(self._timing.interval_s)

    def _wait_for_ack(self) -> None:
        timing = self._timing
        for _ in range(timing.connect_tries - 1):
            if self._acked.wait(timing.connect_timeout_s):
                return
            self.queue(self.state.ready())
        if self._acked.wait(timing.connect_timeout_s):
            return
        if timing.connect_tries == 1:
            self._say("No ack from the master, going on all the same.")
        else:
            self._give_up("No ack from the master, quit.")

    def _watch(self) -> None:
        patience_s = self._timing.register_again_s or self._timing.master_timeout_s
        while not self._ended.wait(self._heard_s + patience_s - self._clock()):
            silent_s = self._clock() - self._heard_s
            if silent_s >= self._timing.master_timeout_s:
                self._give_up(f"Nothing from the master for {silent_s:.0f} s, quit.")
            elif silent_s >= patience_s:
                self.queue(self.state.ready_again())
                self._ended.wait(patience_s)

    # ----------------------------------------------------------------------------------- together

    def _give_up(self, why: str) -> None:
        self.failure = why
        self._say(why)
        self._end()

    def _end(self) -> None:
        self._ended.set()
        self._acked.set()
        self._outbox.close()
