"""Senders and one more that says exit: everything arrives, once, in order, exit included."""

import threading

import zmq

BIND = {"inproc": "inproc://control-{}", "tcp": "tcp://127.0.0.1:*"}
LINGER_MS = 30_000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    counts = [messages] * threads + [1]
    received = [[] for _ in counts]
    try:
        controls = [
            context.socket(system.RECEIVER) for _ in (counts if system.ONE_PER_SENDER else [0])
        ]
        endpoints = [listen(control, transport, i) for i, control in enumerate(controls)]
        senders = [
            threading.Thread(
                target=system.signal,
                args=(context, endpoints[i % len(endpoints)], b"%d" % i, messages),
            )
            for i in range(threads)
        ]
        closer = threading.Thread(target=close, args=(system, context, endpoints, senders))
        for thread in (*senders, closer):
            thread.start()
        main_loop(controls, received, counts)
        closer.join()
        for i, (numbers, count) in enumerate(zip(received, counts, strict=True)):
            assert numbers == list(range(1, count + 1)), f"sender {i}: received {numbers[:10]}..."
    finally:
        context.destroy(linger=0)


def listen(control, transport, i):
    if control.type == zmq.SUB:
        control.subscribe(b"")
    control.bind(BIND[transport].format(i))
    return control.getsockopt_string(zmq.LAST_ENDPOINT)


def close(system, context, endpoints, senders):
    """The exit message comes from one more sender, when all others have ended."""
    for sender in senders:
        sender.join()
    system.signal(context, endpoints[-1], b"%d" % len(senders), 1)


def main_loop(controls, received, counts):
    """Receive one message per wake-up until the last one of every sender is here."""
    poller = zmq.Poller()
    for control in controls:
        poller.register(control, zmq.POLLIN)
    while any(count not in numbers[-1:] for numbers, count in zip(received, counts, strict=True)):
        control, _ = poller.poll()[0]
        sender, number = control.recv_multipart()[-1].split()
        received[int(sender)].append(int(number))
