"""PUB connects and sends at once.

The window: a PUB drops everything until the subscription of the other side has arrived, and
`connect` does not wait for it.
"""

import zmq

RECEIVER = zmq.SUB


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
