"""Several PUSHes connected to one bound PULL.

No window: a PULL takes from all its peers in turn.
"""

import zmq

RECEIVER = zmq.PULL


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
