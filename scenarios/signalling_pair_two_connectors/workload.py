"""Senders signal one main loop over connections of their own; what was sent must arrive."""

import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
GRACE_MS = {"inproc": 0, "tcp": 500}  # after the last send: how long something may be under way
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = [[] for _ in range(threads)]
    try:
        with context.socket(system.RECEIVER) as control, context.socket(zmq.PULL) as end:
            control.bind(BIND[transport])
            end.bind("inproc://end")
            endpoint = control.getsockopt_string(zmq.LAST_ENDPOINT)
            senders = [
                threading.Thread(
                    target=system.signal,
                    args=(context, endpoint, b"%d" % i, messages),
                    name=f"sender-{i}",
                )
                for i in range(threads)
            ]
            closer = threading.Thread(target=close, args=(context, senders), name="closer")
            for thread in (*senders, closer):
                thread.start()
            main_loop(control, end, received, GRACE_MS[transport])
            closer.join()
        for i, numbers in enumerate(received):
            expected = list(range(1, messages + 1))
            assert numbers == expected, f"sender {i}: {len(numbers)} of {messages} signals arrived"
    finally:
        context.destroy(linger=0)


def close(context, senders):
    """Say the end when nothing can be sent any more; on a channel of its own, never lost."""
    for sender in senders:
        sender.join()
    with context.socket(zmq.PUSH) as socket:
        socket.connect("inproc://end")
        socket.send(b"end")


def main_loop(control, end, received, grace_ms):
    """Receive until the end was said, and then what is still there."""
    poller = zmq.Poller()
    poller.register(control, zmq.POLLIN)
    poller.register(end, zmq.POLLIN)
    while control in dict(poller.poll()):
        book(control, received)
    while control.poll(grace_ms):
        book(control, received)


def book(control, received):
    sender, number = control.recv().split()
    received[int(sender)].append(int(number))
