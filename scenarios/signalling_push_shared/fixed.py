"""One PUSH for each thread.

No window: a socket that one thread makes, uses and closes is not shared.
"""

import zmq

RECEIVER = zmq.PULL


def open_bus(context, endpoint):
    return context, endpoint


def signal(bus, name, messages):
    context, endpoint = bus
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))


def close_bus(bus):
    pass
