"""A worker asks its master a few times; an echo answers; every answer must be received."""

import queue
import threading

from pytest_racecheck.locust.mailbox import ModelSocket


def run(system, *, threads, messages):
    socket, wire = ModelSocket(), queue.SimpleQueue()
    echo = threading.Thread(target=answer, args=(socket, wire, messages), name="echo")
    echo.start()
    received = system.exchange(socket, wire, messages)
    echo.join()
    assert len(received) == messages, f"{len(received)} of {messages} answers were received"


def answer(socket, wire, messages):
    """The master's side: every message comes back."""
    for _ in range(messages):
        socket.deliver(wire.get())
