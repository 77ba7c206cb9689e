"""Senders connect to a main loop that already polls, and signal; the first must arrive too."""

import queue
import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
GRACE_MS = {"inproc": 0, "tcp": 500}  # after the last send: how long something may be under way
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = [[] for _ in range(threads)]
    bound = queue.SimpleQueue()
    try:
        loop = threading.Thread(
            target=main_loop, args=(context, system.RECEIVER, transport, bound, received)
        )
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
            assert numbers, f"sender {i}: nothing arrived"
            assert numbers[0] == 1, f"sender {i}: received # {numbers[0]}, expected # 1"
            assert numbers == list(range(1, messages + 1)), f"sender {i}: signals are missing"
    finally:
        context.destroy(linger=0)


def main_loop(context, kind, transport, bound, received):
    """Receive until the end was said, on a channel of its own, and then what is still there."""
    with context.socket(kind) as control, context.socket(zmq.PULL) as end:
        if kind == zmq.SUB:
            control.subscribe(b"")
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
