"""An XPUB for each sender, which waits for the subscription, and one SUB."""

import zmq

RECEIVER = zmq.SUB
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.XPUB) as socket:
        socket.connect(endpoint)
        socket.recv()
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
