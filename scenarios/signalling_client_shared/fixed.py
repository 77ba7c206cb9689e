"""One CLIENT for each thread (draft API).

No window: a question and its answer travel over the same socket, which nobody else reads.
"""

from contextlib import contextmanager

import zmq

SERVER = zmq.SERVER


@contextmanager
def bus(context, endpoint):
    yield context, endpoint


@contextmanager
def channel(bus):
    context, endpoint = bus
    with context.socket(zmq.CLIENT) as socket:
        socket.connect(endpoint)
        yield socket


def ask(channel, question):
    channel.send(question)
    return channel.recv()


def answer(server):
    question = server.recv(copy=False)
    server.send(question.bytes, routing_id=question.routing_id)
