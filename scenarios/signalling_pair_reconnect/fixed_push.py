"""One PULL for all senders, each with a PUSH of its own, connected once.

No window: a PULL serves any number of connections at a time.
"""

import zmq

RECEIVER = zmq.PULL
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
