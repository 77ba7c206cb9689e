"""PUB, once subscribed, to a main loop that does not read for a while.

The window: a PUB never waits. When its queue is at the high-water mark it drops what it is
given, and `send` returns as if nothing had happened.
"""

import zmq

RECEIVER = zmq.SUB
SENDER = zmq.XPUB


def signal(context, endpoint, name, messages):
    with context.socket(SENDER) as socket:
        socket.connect(endpoint)
        socket.recv()
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
