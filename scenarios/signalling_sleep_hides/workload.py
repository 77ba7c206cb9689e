"""A main loop that works on each signal is told to end; it must have worked on all of them."""

import queue
import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = []
    bound = queue.SimpleQueue()
    try:
        loop = threading.Thread(target=listen, args=(system, context, transport, bound, received))
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
        system.send_exit(context, endpoint, threads * messages)
        loop.join()
        sent = threads * messages
        assert len(received) == sent, f"{len(received)} of {sent} signals came before the exit"
    finally:
        context.destroy(linger=0)


def listen(system, context, transport, bound, received):
    with context.socket(zmq.PULL) as control:
        control.bind(BIND[transport])
        bound.put(control.getsockopt_string(zmq.LAST_ENDPOINT))
        system.main_loop(control, received)


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
