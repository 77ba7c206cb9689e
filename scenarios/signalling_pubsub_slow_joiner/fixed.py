"""XPUB connects, waits for the subscription, then sends.

No window: to an XPUB a subscription is a message, so it can wait for it.
"""

import zmq

RECEIVER = zmq.SUB


def signal(context, endpoint, name, messages):
    with context.socket(zmq.XPUB) as socket:
        socket.connect(endpoint)
        socket.recv()
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
