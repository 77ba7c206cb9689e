"""A PUB for each sender, which sends at once, and one SUB: this kind does lose."""

import zmq

RECEIVER = zmq.SUB
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
