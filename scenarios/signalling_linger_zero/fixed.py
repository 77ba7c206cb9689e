"""PUSH with a linger of 30 s, closed right after the last send.

No window, as long as the reader keeps up: after `close` the queue has 30 s to get out.
"""

import zmq

LINGER_MS = 30_000


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.linger = LINGER_MS
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
