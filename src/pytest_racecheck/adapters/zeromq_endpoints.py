"""Births, ends, endpoints and options of sockets under control."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any, Final

import zmq

from pytest_racecheck.adapters.zeromq_owner import call_stack
from pytest_racecheck.adapters.zeromq_sockets import attempt, look_into_mailbox, note_use
from pytest_racecheck.adapters.zeromq_world import (
    INPROC,
    Endpoint,
    SocketRecord,
    World,
    ask,
    order,
)
from pytest_racecheck.engine import current_task, switch

Method = Callable[..., Any]

_BY_COLLECTION: Final = {zmq.Socket.__del__.__code__, zmq.Context.__del__.__code__}
_FINALISER_DEPTH: Final = 4  # __del__, destroy, the close of a subclass, and one to spare
_SUBSCRIPTION: Final = {int(zmq.SUBSCRIBE): "subscribe", int(zmq.UNSUBSCRIBE): "unsubscribe"}
#: How long a closed socket really goes on sending to a peer that does not come.  Peers in this
#: process come at once or never, so what lingers longer would only cost time; what lingers for ever
#: could never be taken down.  The time-out that the user asked for is kept in virtual time.
FINITE_LINGER_MS = 1_000
ENDLESS_LINGER_MS = 10_000


def by_collection() -> bool:
    """Whether the caller is called by a finaliser: that may be anywhere, so it is no operation."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_FINALISER_DEPTH):
        if frame is None:
            break
        if frame.f_code in _BY_COLLECTION:
            return True
        frame = frame.f_back
    return False


def controlled_init(world: World, original: Method) -> Method:
    """``Socket.__init__``: a socket is named and remembered by birth."""

    @wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        context = args[0] if args else kwargs.get("ctx_or_socket")
        if current_task() is None:
            original(self, *args, **kwargs)
        elif isinstance(context, zmq.Context):
            world.watch_first_socket(context, lambda: original(self, *args, **kwargs))
            world.take_up(self, made_here=True, created_at=call_stack())
        else:  # a shadow
            original(self, *args, **kwargs)
            if self.context is not None:
                world.take_up(self, made_here=False, created_at=call_stack())

    return __init__


def controlled_attach(world: World, kind: str, original: Method) -> Method:
    """``bind`` and ``connect``."""

    @wraps(original)
    def attach(self: Any, addr: Any) -> Any:
        task, address = current_task(), _text(addr)
        if task is None:
            world.seen_from_outside(self, address if kind == "connect" else "")
            return original(self, addr)
        record = world.record_of(self)
        endpoint = world.endpoint(record.context, address)
        record.address = endpoint.address if endpoint.wild else address
        switch(kind, record)
        note_use(world, task, record, kind)
        record.context.outside = record.context.outside or endpoint.transport != INPROC
        look_into_mailbox(world, record, self)
        result = attempt(world, record, lambda: original(self, addr))
        if kind == "bind":
            _bound(world, record, endpoint, result)
        else:
            _connected(world, record, endpoint)
        return result

    return attach


def _bound(world: World, record: SocketRecord, asked: Endpoint, result: Any) -> None:
    found = _text(getattr(result, "addr", None) or asked.address)
    endpoint = asked
    if asked.transport != INPROC and found != asked.address:
        endpoint = world.endpoint(record.context, found)
        endpoint.address, endpoint.wild = asked.address, True
    record.attached(endpoint, here=True)
    if endpoint.transport == INPROC or endpoint.connected:  # a listener alone carries nothing
        world.used.add(endpoint.transport)


def _connected(world: World, record: SocketRecord, endpoint: Endpoint) -> None:
    record.attached(endpoint, here=False)
    if endpoint.address in world.watched:
        record.watches = True
    else:
        world.used.add(endpoint.transport)


def controlled_detach(world: World, kind: str, original: Method) -> Method:
    """``unbind`` and ``disconnect``."""

    @wraps(original)
    def detach(self: Any, addr: Any) -> Any:
        task = current_task()
        if task is None:
            world.seen_from_outside(self)
            return original(self, addr)
        record = world.record_of(self)
        switch(kind, record)
        note_use(world, task, record, kind)
        look_into_mailbox(world, record, self)
        result = attempt(world, record, lambda: original(self, addr))
        if kind == "disconnect":
            record.detached(world.endpoint(record.context, _text(addr)))
        return result

    return detach


def controlled_close(world: World, original: Method) -> Method:
    """``Socket.close``; the finaliser's call is left alone, but what it sets off is awaited."""

    @wraps(original)
    def close(self: Any, linger: int | None = None) -> None:
        record, task = world.known(self), current_task()
        if record is None or record.closed:
            original(self, linger)
        elif task is None:
            original(self, linger)
            world.seen_from_outside(self)
            world.closed(record)
        elif by_collection():
            original(self, linger)
            world.closed(record)
        else:
            switch("close", record)
            note_use(world, task, record, "close")
            _limit_linger(self, record, linger)
            original(self, None if record.context.outside else linger)
            world.closed(record)

    return close


def _limit_linger(socket: Any, record: SocketRecord, linger: int | None) -> None:
    if not record.context.outside:
        return
    try:
        wanted = ask(socket, zmq.LINGER) if linger is None else linger
        really = ENDLESS_LINGER_MS if wanted < 0 else min(wanted, FINITE_LINGER_MS)
        order(socket, zmq.LINGER, really)
    except zmq.ContextTerminated:
        return  # it was told to linger no longer than it does
    record.context.lingers_ms.append(wanted)


def controlled_set(world: World, original: Method) -> Method:
    """``set`` and ``setsockopt``: subscribing is an operation, other options are only checked."""

    @wraps(original)
    def set(self: Any, option: int, optval: Any) -> Any:
        task, record = current_task(), world.known(self)
        kind = _SUBSCRIPTION.get(option)
        if task is None or (record is None and kind is None):
            if task is None:
                world.seen_from_outside(self)
            return original(self, option, optval)
        record = record or world.record_of(self)
        if kind is None:
            note_use(world, task, record, "setsockopt")
            return original(self, option, optval)
        switch(kind, record)
        note_use(world, task, record, kind)
        return attempt(world, record, lambda: original(self, option, optval))

    return set


def controlled_get(world: World, original: Method) -> Method:
    """``get`` and ``getsockopt``: EVENTS looks into the mailbox, so it is an operation."""

    @wraps(original)
    def get(self: Any, option: int) -> Any:
        task, record = current_task(), world.known(self)
        if task is None or record is None:
            return original(self, option)
        if option == zmq.EVENTS:
            switch("poll", record)
            note_use(world, task, record, "poll")
            look_into_mailbox(world, record, self)
            return original(self, option)
        note_use(world, task, record, "getsockopt")
        return original(self, option)

    return get


def controlled_group(world: World, original: Method) -> Method:
    """``join`` and ``leave`` of a DISH."""

    @wraps(original)
    def change(self: Any, group: Any) -> Any:
        if current_task() is None:
            world.seen_from_outside(self)
            return original(self, group)
        record = world.record_of(self)
        switch("subscribe", record)
        return attempt(world, record, lambda: original(self, group))

    return change


def controlled_monitor(world: World, original: Method) -> Method:
    """``monitor``: left alone; but who connects to its address hears from an I/O thread."""

    @wraps(original)
    def monitor(self: Any, addr: Any, events: int = zmq.EVENT_ALL) -> Any:
        if addr is not None:
            world.watched.add(_text(addr))
        return original(self, addr, events)

    return monitor


def _text(address: Any) -> str:
    return address.decode(errors="replace") if isinstance(address, bytes) else str(address)
