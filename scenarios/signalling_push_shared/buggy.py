"""One PUSH for all threads.

The window: a socket is not thread-safe. Two sends at a time corrupt it; libzmq then aborts,
the process dies of a signal, or messages are gone. A short run usually survives.
"""

import zmq

RECEIVER = zmq.PULL


def open_bus(context, endpoint):
    socket = context.socket(zmq.PUSH)
    socket.connect(endpoint)
    return socket


def signal(bus, name, messages):
    for number in range(1, messages + 1):
        bus.send(b"%s %d" % (name, number))


def close_bus(bus):
    bus.close()
