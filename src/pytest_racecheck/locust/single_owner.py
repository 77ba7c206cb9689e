"""One thread makes, polls, reads, writes and closes the socket; the others hand over to it."""

from __future__ import annotations

import itertools
import queue
import threading

import zmq

from pytest_racecheck.locust.sharing import Socket, dealer

_numbers = itertools.count(1)
END = b""  # no message is empty, so an empty one asks the owner to end


class SingleOwner:
    """The owner waits for the master and for a wake-up from the sender at once; no lock, no clock.

    `send` comes from one thread and returns when the owner has given the message to libzmq, so
    that what waits stays in the outbox, where a newer heartbeat can still replace an older one.
    """

    def __init__(self, context: zmq.Context[Socket], endpoint: str, identity: str) -> None:
        self._inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sent: queue.SimpleQueue[bool] = queue.SimpleQueue()
        # Made here, so that a wrong endpoint is the caller's error; the start hands it over.
        socket = dealer(context, endpoint, identity)
        wake = context.socket(zmq.PULL)
        address = f"inproc://locust-owner-{next(_numbers)}"
        wake.bind(address)
        # One for the sender and one for who ends it: a PUSH has one user as well.
        self._order, self._end = (_push(context, address) for _ in range(2))
        self._owner = threading.Thread(
            target=self._own, args=(socket, wake), name="owner", daemon=True
        )
        self._owner.start()

    def send(self, payload: bytes) -> bool:
        self._order.send(payload)
        return self._sent.get()

    def recv(self) -> bytes | None:
        payload = self._inbox.get()
        if payload is None:
            self._inbox.put(None)  # the end stays the end, however often somebody asks
        return payload

    def interrupt(self) -> None:
        self._end.send(END)

    def close(self) -> None:
        self._owner.join()
        self._order.close()
        self._end.close()

    def _own(self, socket: Socket, wake: Socket) -> None:
        with socket, wake:
            poller = zmq.Poller()
            poller.register(wake, zmq.POLLIN)
            waiting: bytes | None = None
            while waiting != END:
                # Full: the next turn comes when there is room, or when somebody says something.
                poller.register(socket, zmq.POLLIN | (zmq.POLLOUT if waiting else 0))
                ready = dict(poller.poll())
                if ready.get(socket, 0) & zmq.POLLIN:
                    self._inbox.put(socket.recv())
                if wake in ready:
                    waiting = wake.recv()
                if waiting:
                    waiting = self._pass_on(socket, waiting)
        self._inbox.put(None)
        self._sent.put(False)  # to a sender that still waits

    def _pass_on(self, socket: Socket, payload: bytes) -> bytes | None:
        try:
            socket.send(payload, zmq.DONTWAIT)
        except zmq.Again:
            return payload
        self._sent.put(True)
        return None


def _push(context: zmq.Context[Socket], address: str) -> Socket:
    socket = context.socket(zmq.PUSH)
    socket.linger = 0
    socket.connect(address)
    return socket
