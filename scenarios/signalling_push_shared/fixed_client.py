"""One CLIENT for all threads: the socket type that may be shared (draft API).

No window: a CLIENT locks itself.
"""

import zmq

RECEIVER = zmq.SERVER


def open_bus(context, endpoint):
    socket = context.socket(zmq.CLIENT)
    socket.connect(endpoint)
    return socket


def signal(bus, name, messages):
    for number in range(1, messages + 1):
        bus.send(b"%s %d" % (name, number))


def close_bus(bus):
    bus.close()
