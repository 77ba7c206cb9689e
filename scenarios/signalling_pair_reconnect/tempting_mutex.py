"""As buggy, but only one sender at a time may connect, send and disconnect.

Looks right: PAIR has one peer, so take turns. But the turn ends when `disconnect` returns,
not when the connection is gone.
"""

import threading

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = False
TURN = threading.Lock()


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        for number in range(1, messages + 1):
            with TURN:
                socket.connect(endpoint)
                socket.send(b"%s %d" % (name, number))
                socket.disconnect(endpoint)
