"""Senders wait for the subscription of a main loop that has nothing to do yet; it must come."""

import collections
import queue
import threading
import time

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
LATER_S = 0.05
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = collections.deque(maxlen=threads * messages)
    bound = queue.SimpleQueue()
    subscribed = threading.Event()
    try:
        loop = threading.Thread(
            target=main_loop,
            args=(system, context, transport, bound, subscribed, received),
        )
        loop.start()
        endpoint = bound.get()
        time.sleep(LATER_S)  # the main loop has settled into its wait
        senders = [
            threading.Thread(target=signal, args=(context, endpoint, subscribed, messages))
            for _ in range(threads)
        ]
        for sender in senders:
            sender.start()
        for thread in (*senders, loop):
            thread.join()
        assert len(received) == threads * messages, f"{len(received)} signals arrived"
    finally:
        context.destroy(linger=0)


def main_loop(system, context, transport, bound, subscribed, received):
    with context.socket(zmq.SUB) as control:
        control.subscribe(b"")
        control.bind(BIND[transport])
        bound.put(control.getsockopt_string(zmq.LAST_ENDPOINT))
        system.wait(control, subscribed)
        while len(received) < received.maxlen:
            received.append(control.recv())


def signal(context, endpoint, subscribed, messages):
    """Sends nothing, so wakes nobody, before the subscription is here."""
    with context.socket(zmq.XPUB) as socket:
        socket.connect(endpoint)
        socket.recv()
        subscribed.set()
        for number in range(messages):
            socket.send(b"%d" % number)
