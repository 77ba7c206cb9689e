"""One DEALER for all threads, with a lock around a question and its answer.

No window: nobody can ask before the answer to the last question has been received.
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
        return socket.recv()


def answer(server):
    server.send_multipart(server.recv_multipart())
