"""PUSH with a linger of 0, closed right after the last send.

The window: over tcp a message is sent when the I/O thread has written it; `close` with linger 0
throws away what is still in the queue.
"""

import zmq

LINGER_MS = 0


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.linger = LINGER_MS
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
