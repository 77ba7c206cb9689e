"""PUB connects and sleeps for 100 ms, the usual advice for a slow joiner.

Looks right: a tenth of a second is an age. But it is an age in which the main loop may do
something else, and nobody checks.
"""

import time

import zmq

RECEIVER = zmq.SUB
PAUSE_S = 0.1


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        time.sleep(PAUSE_S)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
