"""PUSH to a main loop that does not read for a while.

No window: at the high-water mark `send` waits for the reader.
"""

import zmq

RECEIVER = zmq.PULL
SENDER = zmq.PUSH


def signal(context, endpoint, name, messages):
    with context.socket(SENDER) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
