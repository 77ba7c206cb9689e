"""One PUSH for all threads, and a lock around every use of it.

No window: the lock orders the uses, and brings the memory of one thread to the next.
"""

import threading

import zmq

RECEIVER = zmq.PULL


def open_bus(context, endpoint):
    socket = context.socket(zmq.PUSH)
    socket.connect(endpoint)
    return socket, threading.Lock()


def signal(bus, name, messages):
    socket, lock = bus
    for number in range(1, messages + 1):
        with lock:
            socket.send(b"%s %d" % (name, number))


def close_bus(bus):
    socket, _ = bus
    socket.close()
