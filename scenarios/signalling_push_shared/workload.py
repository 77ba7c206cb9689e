"""Many senders signal one main loop; every signal must arrive, and nothing may crash."""

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
        bus = system.open_bus(context, endpoint)
        senders = [
            threading.Thread(target=system.signal, args=(bus, b"%d" % i, messages))
            for i in range(threads)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        system.close_bus(bus)
        with context.socket(zmq.PUSH) as socket:
            socket.connect("inproc://end")
            socket.send(b"end")
        loop.join()
        for i, numbers in enumerate(received):
            expected = list(range(1, messages + 1))
            assert numbers == expected, f"sender {i}: {len(numbers)} of {messages} signals arrived"
    finally:
        context.destroy(linger=0)


def main_loop(context, kind, transport, bound, received):
    """Receive until the end was said, on a channel of its own, and then what is still there."""
    with context.socket(kind) as control, context.socket(zmq.PULL) as end:
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
