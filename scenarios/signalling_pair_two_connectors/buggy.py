"""Several PAIRs connected to one bound PAIR.

The window: the bound PAIR serves the peer it met first and drops the others without a word;
what they sent, and go on sending until their queue is full, is gone.
"""

import zmq

RECEIVER = zmq.PAIR


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
