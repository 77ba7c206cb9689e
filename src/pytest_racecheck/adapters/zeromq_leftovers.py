"""The end of an execution: what the body left open is closed, and reaches no later one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from zmq.backend import Context as BackendContext
from zmq.backend import Socket as BackendSocket

from pytest_racecheck.adapters.zeromq_outside import Errand
from pytest_racecheck.adapters.zeromq_owner import site_of
from pytest_racecheck.adapters.zeromq_world import KEY, ContextRecord, SocketRecord, World
from pytest_racecheck.engine import execution

#: How long a context may take to end, once its sockets are closed, before it is left alone.
PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """A socket or context that the body did not close; ``gone`` unless it could not be closed."""

    name: str
    created_at: str
    gone: bool

    def __str__(self) -> str:
        state = "was not closed" if self.gone else "was not closed, and could not be closed"
        return f"{self.name}, created at {self.created_at}, {state}"


def clear(world: World) -> tuple[Leftover, ...]:
    """Close every socket and context of this execution that is still open, and forget them all."""
    found = [_close(record) for record in world.sockets if _is_open(record)]
    for context in world.contexts:
        left = _end(context)
        if left is not None:
            found.append(left)
    records: list[SocketRecord | ContextRecord] = [*world.sockets, *world.contexts]
    for alive in (record.ref() for record in records):
        if alive is not None:
            alive.__dict__.pop(KEY, None)
    world.background.settle_reapers()
    world.background.forget_ended()
    world.begin()
    return tuple(found)


def _is_open(record: SocketRecord) -> bool:
    socket = record.ref()
    return record.made_here and socket is not None and not socket._closed


def _close(record: SocketRecord) -> Leftover:
    socket, last = record.ref(), record.last_use
    held = last is not None and last.task.carrier.retired  # an abandoned thread may be inside it
    if not held:
        socket.context._rm_socket(socket)
        BackendSocket.close(socket, 0)
    return Leftover(record.__racecheck_name__, site_of(record.created_at), not held)


def _end(record: ContextRecord) -> Leftover | None:
    context: Any = record.ref()
    if not record.made_here or context is None or context.closed:
        return None
    if record.errand is not None and record.outside and not record.open_sockets():
        return None  # it lingers for a peer that does not come, and ends when libzmq gives up
    in_use = any(not socket._closed for socket in list(context._sockets))
    errand = None if in_use else record.errand or Errand(lambda: BackendContext.term(context))
    gone = errand is not None and errand.wait(PATIENCE_S)
    if gone and (record.errand is not None or type(context)._instance is context):
        return None  # the deadlock named it, or it is the global one, which nobody terminates
    return Leftover(record.name, site_of(record.created_at), gone)


def quiet_when_unwinding(original: Callable[..., Any]) -> Callable[..., Any]:
    """``warnings.warn`` as pyzmq calls it: what unwinding did not let the body close is no news."""

    @wraps(original)
    def warn(*args: Any, **kwargs: Any) -> None:
        if execution.active is None or not execution.active.unwinding:
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            original(*args, **kwargs)

    return warn
