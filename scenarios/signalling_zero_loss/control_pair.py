"""A PAIR for each sender, connected once, and a PAIR of its own on the other side."""

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = True


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
