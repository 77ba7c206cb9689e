"""The worker in one thread, for what does not depend on how a socket is shared: the protocol."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import zmq

from pytest_racecheck.locust.liveness import HEARTBEAT_INTERVAL_S
from pytest_racecheck.locust.sharing import Socket
from pytest_racecheck.locust.wire import Message, WireError, pack, unpack
from pytest_racecheck.locust.worker_state import WorkerState


@dataclass
class Solo:
    """Registers, answers, sends a heartbeat a second; `run` ends when the master says so.

    `register_again_s`: no message for so long makes it register again; None: never (A-12).
    `insists`: repeat `client_ready` until it is acknowledged (A-16).
    """

    socket: Socket
    state: WorkerState
    interval_s: float = HEARTBEAT_INTERVAL_S
    register_again_s: float | None = None
    insists: bool = True
    connect_timeout_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sent: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until `quit`."""
        self.send(self.state.ready())
        self._wait_for_ack()
        heard_s = self.clock()
        while not self.state.ended:
            self.send(self.state.heartbeat())
            if self.serve(self.interval_s):
                heard_s = self.clock()
            elif self.register_again_s and self.clock() - heard_s >= self.register_again_s:
                self.send(self.state.ready_again())
                heard_s = self.clock()

    def _wait_for_ack(self) -> None:
        while True:
            self.serve(self.connect_timeout_s, until_ack=True)
            if self.state.index is not None or self.state.ended or not self.insists:
                return
            self.send(self.state.ready())

    def serve(self, seconds: float, *, until_ack: bool = False) -> bool:
        """Answer what comes within so many seconds; whether anything came."""
        end_s, heard = self.clock() + seconds, False
        while not self.state.ended and not (until_ack and self.state.index is not None):
            left_s = end_s - self.clock()
            if left_s <= 0 or not self.socket.poll(math.ceil(left_s * 1000)):
                break
            heard = True
            self.answer(self.socket.recv())
        return heard

    def answer(self, payload: bytes) -> None:
        """One message of the master; what cannot be decoded is dropped, and counted."""
        try:
            message = unpack(payload)
        except WireError:
            self.state.refused += 1
            return
        for reply in self.state.receive(message):
            self.send(reply)

    def send(self, message: Message) -> None:
        """Give one message to the socket, which keeps what it cannot deliver yet."""
        self.sent.append(message.type)
        self.socket.send(pack(message), zmq.DONTWAIT)
