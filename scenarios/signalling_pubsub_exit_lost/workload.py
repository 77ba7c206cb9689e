"""A main loop polls until it is told to end; who tells it connects only then. It must end."""

import queue
import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = [[] for _ in range(threads)]
    bound = queue.SimpleQueue()
    try:
        loop = threading.Thread(target=main_loop, args=(context, transport, bound, received))
        loop.start()
        endpoint = bound.get()
        senders = [
            threading.Thread(target=signal, args=(context, endpoint, b"%d" % i, messages))
            for i in range(threads)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        system.send_exit(context, endpoint)
        loop.join()
    finally:
        context.destroy(linger=0)


def signal(context, endpoint, name, messages):
    """The signals themselves are safe: they wait for the subscription."""
    with context.socket(zmq.XPUB) as socket:
        socket.connect(endpoint)
        socket.recv()
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))


def main_loop(context, transport, bound, received):
    """Receive one message per wake-up until the exit message."""
    with context.socket(zmq.SUB) as control:
        control.subscribe(b"")
        control.bind(BIND[transport])
        bound.put(control.getsockopt_string(zmq.LAST_ENDPOINT))
        while (message := control.recv()) != b"exit":
            sender, number = message.split()
            received[int(sender)].append(int(number))
