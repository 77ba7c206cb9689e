"""The master: one ROUTER, one thread, a tick a second of the clock it is given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

import zmq

from pytest_racecheck.locust.liveness import HEARTBEAT_INTERVAL_S
from pytest_racecheck.locust.master_state import MasterState, Reply
from pytest_racecheck.locust.wire import pack

Socket = zmq.Socket[bytes]
FRAMES = 2  # the ROUTER's own, which names the peer, and the payload


class Master:
    """Serves `socket` until `end` is true, which is asked after every message and tick.

    `clock` gives seconds; every `interval_s` of it is one tick of the state.
    """

    def __init__(
        self,
        socket: Socket,
        state: MasterState,
        *,
        clock: Callable[[], float] = time.monotonic,
        interval_s: float = HEARTBEAT_INTERVAL_S,
    ) -> None:
        self.state = state
        self._socket = socket
        self._clock = clock
        self._interval_s = interval_s

    def serve(self, end: Callable[[MasterState], bool]) -> None:
        """Answer and tick until `end(state)`."""
        tick_s = self._clock() + self._interval_s
        while not end(self.state):
            left_s = tick_s - self._clock()
            if left_s > 0 and self._socket.poll(math.ceil(left_s * 1000)):
                self._answer()
            while self._clock() >= tick_s:
                self.send(self.state.tick())
                tick_s += self._interval_s

    def _answer(self) -> None:
        frames = self._socket.recv_multipart()
        if len(frames) != FRAMES:
            self.state.refused += 1
            self.state.say(f"Got {len(frames)} frames instead of {FRAMES}, dropped")
            return
        identity, payload = frames
        self.send(self.state.receive(identity, payload))

    def send(self, replies: Iterable[Reply]) -> None:
        """Send what the state wants sent; a peer that is gone gets nothing, as ROUTER has it."""
        for identity, message in replies:
            self._socket.send_multipart([identity, pack(message)])


def bind(context: zmq.Context[Socket], endpoint: str) -> Socket:
    """A ROUTER at `endpoint`. Raises zmq.ZMQError when it is taken or impossible."""
    socket = context.socket(zmq.ROUTER)
    socket.linger = 500
    try:
        socket.bind(endpoint)
    except zmq.ZMQError:
        socket.close()
        raise
    return socket
