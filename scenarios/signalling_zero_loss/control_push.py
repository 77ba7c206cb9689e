"""A PUSH for each sender, one PULL."""

import zmq

RECEIVER = zmq.PULL
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
