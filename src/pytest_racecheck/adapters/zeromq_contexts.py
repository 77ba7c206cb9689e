"""Contexts under control: ``term`` waits at a gate for whoever still has a socket open."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import zmq
from zmq.backend import Socket as BackendSocket

from pytest_racecheck.adapters.zeromq_endpoints import by_collection
from pytest_racecheck.adapters.zeromq_outside import Errand
from pytest_racecheck.adapters.zeromq_owner import call_stack
from pytest_racecheck.adapters.zeromq_world import ContextRecord, World
from pytest_racecheck.engine import current_task, switch, wait_until

Method = Callable[..., Any]

#: How long the native end of an inproc context, or of pyzmq's helper thread, may really take.
NATIVE_PATIENCE_S = 2.0


def controlled_context_init(world: World, original: Method) -> Method:
    """``Context.__init__``: a context is named and remembered by birth."""

    @wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not self._shadow:
            here = current_task() is not None
            world.context_made(self, here=here, created_at=call_stack() if here else ())

    return __init__


def controlled_term(world: World, original: Method) -> Method:
    """``Context.term``: libzmq's own call, in a thread of its own where it would have to wait."""

    @wraps(original)
    def term(self: Any) -> None:
        if current_task() is None or self.closed or by_collection():
            return original(self)  # type: ignore[no-any-return]
        record = world.context_of(self)
        switch("term", record)
        opened = record.open_sockets()
        if not opened and not record.outside:
            return original(self)  # type: ignore[no-any-return]
        errand = record.errand = Errand(lambda: original(self))
        if opened:  # libzmq tells each of them, which ends their waits with ContextTerminated
            errand.wait(NATIVE_PATIENCE_S, until=lambda: _refuses_sockets(self))
        world.settle(record)
        wait_until(lambda: not record.open_sockets(), "term", record)
        _let_linger(record, errand)
        return errand.result()

    return term


def _refuses_sockets(context: Any) -> bool:
    # libzmq refuses new sockets from when it has told all the old ones: both under one lock.
    try:
        BackendSocket(context, zmq.PAIR).close(0)
    except zmq.ZMQError as error:
        return error.errno == zmq.ETERM
    return False


def _let_linger(record: ContextRecord, errand: Errand) -> None:
    if not record.outside:
        errand.wait(NATIVE_PATIENCE_S)  # nothing is left that it could wait for
        return
    lingers = record.lingers_ms
    timeout_s = None if any(ms < 0 for ms in lingers) else max(lingers, default=0) / 1000
    wait_until(lambda: errand.done, "term", record, timeout_s=timeout_s, outside=True)
