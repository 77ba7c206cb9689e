"""One DEALER for all threads, with a lock around each call: the same race without the draft API.

The window: the lock is free between a question and its answer, so two threads can ask before
one of them receives.
"""

import threading
from contextlib import contextmanager

import zmq

SERVER = zmq.ROUTER


@contextmanager
def bus(context, endpoint):
    with context.socket(zmq.DEALER) as socket:
        socket.connect(endpoint)
        yield socket, threading.Lock()


@contextmanager
def channel(bus):
    yield bus


def ask(channel, question):
    socket, lock = channel
    with lock:
        socket.send(question)
    with lock:
        return socket.recv()


def answer(server):
    server.send_multipart(server.recv_multipart())
