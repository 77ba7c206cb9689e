"""Waiting for several sockets, and what waits inside: ``zmq_poll``, ``zmq.proxy``, trackers.

``Poller.poll``, ``Socket.poll`` and ``zmq.select`` all end in ``zmq_poll``.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import zmq
from zmq.backend import Socket as BackendSocket

from pytest_racecheck.adapters.zeromq_sockets import Deadline, Readiness, note_use, probe
from pytest_racecheck.adapters.zeromq_world import SocketRecord, World
from pytest_racecheck.engine import Task, current_task, switch, wait_until

Item = tuple[Any, int]
Method = Callable[..., Any]

_NATIVE = {zmq.POLLIN: select.POLLIN, zmq.POLLOUT: select.POLLOUT, zmq.POLLERR: select.POLLERR}


class Polled:
    """What one poll waits for; its name lists the sockets."""

    def __init__(self, world: World, items: Sequence[Item]) -> None:
        self._world = world
        self._items = [(s, flags) for s, flags in items if isinstance(s, BackendSocket)]
        self.records = [world.record_of(socket) for socket, _ in self._items]
        self._native = [(s, flags) for s, flags in items if not isinstance(s, BackendSocket)]

    @property
    def __racecheck_name__(self) -> str:
        names = [record.__racecheck_name__ for record in self.records]
        return ", ".join(names + [f"file descriptor {_fd(s)}" for s, _ in self._native])

    @property
    def target(self) -> object:
        """The one socket that is polled, or all of them."""
        return self.records[0] if len(self.records) == 1 and not self._native else self

    def outside(self) -> bool:
        """Whether something outside control can end the wait."""
        return bool(self._native) or any(r.may_change_by_itself() for r in self.records)

    def probes(self) -> list[Callable[[], Any]]:
        """What tells whether it is worth polling again."""
        found = [
            probe(record, socket, flags)
            for record, (socket, flags) in zip(self.records, self._items, strict=True)
        ]
        if self._native:
            poller = select.poll()
            for source, flags in self._native:
                wanted = sum(native for flag, native in _NATIVE.items() if flags & flag)
                poller.register(_fd(source), wanted)
            found.append(partial(poller.poll, 0))
        return found

    def note_use(self, task: Task) -> None:
        """The owner check, for each socket."""
        for record in self.records:
            note_use(self._world, task, record, "poll")


def _fd(source: Any) -> int:
    return source if isinstance(source, int) else int(source.fileno())


def controlled_poll(world: World, original: Method) -> Method:
    """``zmq_poll``."""

    @wraps(original)
    def zmq_poll(sockets: Sequence[Item], timeout: int = -1) -> list[Item]:
        task = current_task()
        if task is None or not sockets:
            return original(sockets, timeout)  # type: ignore[no-any-return]
        items = list(sockets)
        polled = Polled(world, items)
        switch("poll", polled.target)
        deadline: Deadline | None = None
        while True:
            polled.note_use(task)
            ready: list[Item] = _poll_now(world, original, items, polled.records)
            if ready or timeout == 0:
                return ready
            deadline = deadline or Deadline(timeout)
            if not _wait(world, polled, deadline):
                return []

    return zmq_poll


def _poll_now(
    world: World, original: Method, items: list[Item], records: list[SocketRecord]
) -> list[Item]:
    contexts = list({id(r.context): r.context for r in records}.values())
    while True:
        try:
            ready: list[Item] = original(items, 0)
        finally:
            for context in contexts:
                world.settle(context)
        if not any(record.signalled() for record in records):
            return ready
        # Answers came in before the operation was over.


def _wait(world: World, polled: Polled, deadline: Deadline) -> bool:
    outside, left_s = polled.outside(), deadline.remaining_s()
    ready = Readiness(world, polled.probes(), outside)
    return left_s != 0 and wait_until(
        ready, "poll", polled.target, timeout_s=left_s, outside=outside
    )


def controlled_proxy(original: Method) -> Method:
    """``zmq.proxy``, with the public methods of the sockets, so that each step is an operation."""

    @wraps(original)
    def proxy(frontend: Any, backend: Any, capture: Any = None) -> int:
        if current_task() is None:
            return original(frontend, backend, capture)  # type: ignore[no-any-return]
        ways = [(frontend, backend)] + ([] if frontend is backend else [(backend, frontend)])
        while True:
            events = dict(zmq.zmq_poll([(s, zmq.POLLIN | zmq.POLLOUT) for s, _ in ways], 0))
            blocked = True
            for source, sink in ways:
                # libzmq takes no message that it could not pass on.
                if events.get(source, 0) & zmq.POLLIN and events.get(sink, 0) & zmq.POLLOUT:
                    _forward(source, sink, capture)
                    blocked = False
            if blocked:
                zmq.zmq_poll(_what_is_missing(ways, events), -1)

    return proxy


def _what_is_missing(ways: list[tuple[Any, Any]], events: dict[Any, int]) -> list[Item]:
    missing: dict[Any, int] = {}
    for source, sink in ways:
        if events.get(source, 0) & zmq.POLLIN:
            missing[sink] = missing.get(sink, 0) | zmq.POLLOUT
        else:
            missing[source] = missing.get(source, 0) | zmq.POLLIN
    return list(missing.items())


def _forward(source: Any, sink: Any, capture: Any) -> None:
    frames = source.recv_multipart(copy=False)
    if capture is not None:
        capture.send_multipart(frames, copy=False)
    sink.send_multipart(frames, copy=False)


def controlled_tracker_wait(original: Method) -> Method:
    """``MessageTracker.wait``: pyzmq's own thread, not a task, says when a message is done with."""

    @wraps(original)
    def wait(self: Any, timeout: float = -1) -> None:
        if current_task() is None:
            return original(self, timeout)  # type: ignore[no-any-return]
        timeout_s = None if timeout < 0 else timeout
        done = partial(_is_done, self)
        if not wait_until(done, "wait", "a message tracker", timeout_s=timeout_s, outside=True):
            raise zmq.NotDone
        return None

    return wait


def _is_done(tracker: Any) -> bool:
    # As ``MessageTracker.done``; but ``Event.is_set`` is an operation, and this is asked by anyone.
    return all(event._flag for event in tracker.events) and all(map(_is_done, tracker.peers))
