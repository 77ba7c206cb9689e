"""A DEALER for each sender, one ROUTER, which puts the sender's identity before each signal."""

import zmq

RECEIVER = zmq.ROUTER
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.DEALER) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
