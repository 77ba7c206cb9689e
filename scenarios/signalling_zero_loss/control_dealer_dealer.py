"""A DEALER for each sender, one DEALER: single frames, no identities."""

import zmq

RECEIVER = zmq.DEALER
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.DEALER) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
