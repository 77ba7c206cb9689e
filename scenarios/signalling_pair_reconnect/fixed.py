"""One bound PAIR for each sender, connected once: what PAIR is made for.

No window: a connection that never ends cannot meet its successor.
"""

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = True


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
