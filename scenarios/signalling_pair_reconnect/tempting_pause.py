"""As buggy, with a pause of 10 ms after each disconnect.

Looks right: the disconnect surely is over by then. But a pause is a guess about another
thread: it makes the hang rare, so that a test passes and the program hangs later.
"""

import time

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = False
PAUSE_S = 0.010


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        for number in range(1, messages + 1):
            socket.connect(endpoint)
            socket.send(b"%s %d" % (name, number))
            socket.disconnect(endpoint)
            time.sleep(PAUSE_S)
