"""The wires of one scenario: the master's ROUTER, and the worker's link by its policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import zmq

from pytest_racecheck.locust.outbox import Outbox
from pytest_racecheck.locust.policies import policy
from pytest_racecheck.locust.serving import bind
from pytest_racecheck.locust.sharing import Link, Socket
from pytest_racecheck.locust.wire import Message, pack, unpack

NODE: Final = "worker"
BIND: Final = {"inproc": "inproc://master", "tcp": "tcp://127.0.0.1:*", "ipc": "ipc://*"}


@dataclass(frozen=True, slots=True)
class Rig:
    """`router` is the caller's: `hear` and `say` are the master's half of the protocol, by hand."""

    context: zmq.Context[Socket]
    router: Socket
    link: Link
    outbox: Outbox

    def hear(self, wanted: str) -> Message:
        """Receive until a message of this type comes; waits for ever."""
        while True:
            message = unpack(self.router.recv_multipart()[-1])
            if message.type == wanted:
                return message

    def say(self, kind: str, data: Any = None) -> None:
        """Send one message to the worker, which must have said something before."""
        self.router.send_multipart([NODE.encode(), pack(Message(kind, data, NODE))])


@contextmanager
def wired(name: str, transport: str, high_water: int | None = None) -> Iterator[Rig]:
    """A rig of the policy `name`; nothing is left of it, unless the body fails.

    `high_water`: how many messages either side of the socket takes; None as ZeroMQ has it.
    """
    chosen = policy(name)
    with context_of_its_own(high_water) as context:
        router = bind(context, BIND[transport])
        endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
        yield Rig(context, router, chosen.connect(context, endpoint, NODE), chosen.outbox())


@contextmanager
def context_of_its_own(high_water: int | None = None) -> Iterator[zmq.Context[Socket]]:
    """A context whose sockets take `high_water` messages; all are closed at a good end."""
    context: zmq.Context[Socket] = zmq.Context()
    if high_water is not None:
        context.sndhwm = context.rcvhwm = high_water
    yield context
    # Not in a `finally`: after a failure threads may still wait in these sockets, and taking them
    # away from there is a case of its own. Who runs the body closes what it leaves.
    context.destroy(linger=0)
