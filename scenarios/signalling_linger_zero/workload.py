"""Senders signal and end at once; what they sent last must arrive too."""

import queue
import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
GRACE_MS = {"inproc": 0, "tcp": 1000}  # after the last send: how long something may be under way


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    received = [[] for _ in range(threads)]
    bound = queue.SimpleQueue()
    try:
        loop = threading.Thread(target=main_loop, args=(context, transport, bound, received))
        loop.start()
        endpoint = bound.get()
        senders = [
            threading.Thread(target=system.signal, args=(context, endpoint, b"%d" % i, messages))
            for i in range(threads)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        with context.socket(zmq.PUSH) as socket:
            socket.connect("inproc://end")
            socket.send(b"end")
        loop.join()
        for i, numbers in enumerate(received):
            expected = list(range(1, messages + 1))
            assert numbers == expected, f"sender {i}: {len(numbers)} of {messages} signals arrived"
    finally:
        context.destroy(linger=0)


def main_loop(context, transport, bound, received):
    """Receive until the end was said, on a channel of its own, and then what is still there."""
    with context.socket(zmq.PULL) as control, context.socket(zmq.PULL) as end:
        end.bind("inproc://end")
        control.bind(BIND[transport])
        poller = zmq.Poller()
        poller.register(control, zmq.POLLIN)
        poller.register(end, zmq.POLLIN)
        bound.put(control.getsockopt_string(zmq.LAST_ENDPOINT))
        while control in dict(poller.poll()):
            book(control, received)
        while control.poll(GRACE_MS[transport]):
            book(control, received)


def book(control, received):
    sender, number = control.recv().split()
    received[int(sender)].append(int(number))
