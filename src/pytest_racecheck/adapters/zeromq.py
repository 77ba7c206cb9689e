"""ZeroMQ under control: pyzmq's unchanged code, on real libzmq, one operation at a time.

What stands in for what is one table; everything is put back exactly when control ends.  inproc is
exact, tcp and ipc settle after each operation (see ``zeromq_background``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import zmq
from zmq.utils.garbage import gc as zero_copy

from pytest_racecheck.adapters import zeromq_contexts as contexts
from pytest_racecheck.adapters import zeromq_endpoints as endpoints
from pytest_racecheck.adapters import zeromq_poll as polls
from pytest_racecheck.adapters import zeromq_sockets as sockets
from pytest_racecheck.adapters.replaced import Make, Stand
from pytest_racecheck.adapters.zeromq_leftovers import clear, quiet_when_unwinding
from pytest_racecheck.adapters.zeromq_world import INPROC, World
from pytest_racecheck.engine.failure import leave_out

leave_out(os.path.dirname(zmq.__file__))


@dataclass(frozen=True, slots=True)
class TransportUse:
    """A transport that messages could pass through, and what can be said of its determinism."""

    transport: str
    exact: bool  # inproc: every step was an operation of ours
    settled: bool  # tcp, ipc: libzmq's threads were seen asleep after each operation


class ZeromqControl:
    """What has to happen around each execution while ZeroMQ is under control."""

    def __init__(self) -> None:
        self.world = World()

    def end_of_execution(self, failed: bool) -> tuple[str, ...]:
        """Close what the body left open, and say what it was unless the execution failed anyway.

        To be called after each execution, when no task moves any more; names start at 1 again.
        """
        swallowed = tuple(f"the body swallowed it: {text}" for text in self.world.sharings)
        found = clear(self.world)
        return () if failed else swallowed + tuple(str(leftover) for leftover in found)

    def transports_used(self) -> tuple[TransportUse, ...]:
        """The transports used since control began, by name."""
        world = self.world
        return tuple(
            TransportUse(t, t == INPROC and t not in world.uncertain, t not in world.uncertain)
            for t in sorted(world.used)
        )


def _socket_methods(world: World) -> dict[str, Make]:
    attach, detach = endpoints.controlled_attach, endpoints.controlled_detach
    return {
        "__init__": partial(endpoints.controlled_init, world),
        "send": partial(sockets.controlled_send, world),
        "recv": partial(sockets.controlled_recv, world),
        "recv_into": partial(sockets.controlled_recv_into, world),
        "bind": partial(attach, world, "bind"),
        "connect": partial(attach, world, "connect"),
        "unbind": partial(detach, world, "unbind"),
        "disconnect": partial(detach, world, "disconnect"),
        "close": partial(endpoints.controlled_close, world),
        "set": partial(endpoints.controlled_set, world),
        "setsockopt": partial(endpoints.controlled_set, world),
        "get": partial(endpoints.controlled_get, world),
        "getsockopt": partial(endpoints.controlled_get, world),
        "join": partial(endpoints.controlled_group, world),
        "leave": partial(endpoints.controlled_group, world),
        "monitor": partial(endpoints.controlled_monitor, world),
    }


def _stand_in(stand: Stand, world: World) -> None:
    for name, make in _socket_methods(world).items():
        stand.replace(zmq.Socket, name, make)
    stand.replace(zmq.Context, "__init__", partial(contexts.controlled_context_init, world))
    stand.replace(zmq.Context, "term", partial(contexts.controlled_term, world))
    stand.replace(zmq.MessageTracker, "wait", polls.controlled_tracker_wait)
    for module in (zmq.sugar.socket, zmq.sugar.context):
        stand.replace(module, "warn", quiet_when_unwinding)
    stand.replace_everywhere(zmq.zmq_poll, "zmq_poll", partial(polls.controlled_poll, world))
    stand.replace_everywhere(zmq.proxy, "proxy", polls.controlled_proxy)


@contextmanager
def control_zeromq() -> Iterator[ZeromqControl]:
    """Control the sockets, contexts and polls of the tasks of each execution while entered."""
    started = not zero_copy.is_alive()
    if started:  # pyzmq's helper thread for messages without a copy must not become a task
        zero_copy.start()
        zero_copy._push_socket  # noqa: B018 - a property that connects it
    control = ZeromqControl()
    stand = Stand()
    try:
        _stand_in(stand, control.world)
        yield control
    finally:
        stand.restore()
        control.world.background.close()
        if started and not zero_copy.refs:
            zero_copy.stop()
