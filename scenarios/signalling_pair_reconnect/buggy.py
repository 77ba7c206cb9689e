"""One bound PAIR for all senders: each signal connects, sends and disconnects.

The window: `disconnect` only asks for the end of a connection. Until the other side has
agreed, the socket still has its old peer, so the next `connect` is dropped and `send` waits.
"""

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        for number in range(1, messages + 1):
            socket.connect(endpoint)
            socket.send(b"%s %d" % (name, number))
            socket.disconnect(endpoint)
