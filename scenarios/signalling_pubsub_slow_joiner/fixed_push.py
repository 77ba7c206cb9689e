"""PUSH connects and sends at once.

No window: a PUSH keeps what it cannot deliver yet.
"""

import zmq

RECEIVER = zmq.PULL


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
