"""A CLIENT for each sender, one SERVER (draft API)."""

import zmq

RECEIVER = zmq.SERVER
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.CLIENT) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
