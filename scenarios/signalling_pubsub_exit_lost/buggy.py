"""The exit message is the first and only one of a fresh PUB.

The window: between `connect` and the arrival of the subscription a PUB drops what it is given;
here that is everything it will ever be given.
"""

import zmq


def send_exit(context, endpoint):
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        socket.send(b"exit")
