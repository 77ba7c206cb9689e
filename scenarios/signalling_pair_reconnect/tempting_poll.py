"""As buggy, with the document's remedy: poll for a millisecond after each connect.

Looks right: poll lets ZeroMQ finish its work. But it finishes only what has already
been asked for, and nobody has refused or accepted the new connection yet.
"""

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        for number in range(1, messages + 1):
            socket.connect(endpoint)
            socket.poll(1)
            socket.send(b"%s %d" % (name, number))
            socket.disconnect(endpoint)
