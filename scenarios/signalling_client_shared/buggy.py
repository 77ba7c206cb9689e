"""One CLIENT for all threads (draft API): safe to share, but not for questions.

The window: an answer goes to whichever thread receives first.
"""

from contextlib import contextmanager

import zmq

SERVER = zmq.SERVER


@contextmanager
def bus(context, endpoint):
    with context.socket(zmq.CLIENT) as socket:
        socket.connect(endpoint)
        yield socket


@contextmanager
def channel(bus):
    yield bus


def ask(channel, question):
    channel.send(question)
    return channel.recv()


def answer(server):
    question = server.recv(copy=False)
    server.send(question.bytes, routing_id=question.routing_id)
