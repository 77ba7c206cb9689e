"""Senders signal one main loop, which polls; every signal must arrive, in order."""

import threading

import zmq

BIND = {"inproc": "inproc://control-{}", "tcp": "tcp://127.0.0.1:*"}
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = [[] for _ in range(threads)]
    try:
        controls = [
            context.socket(system.RECEIVER) for _ in range(threads if system.ONE_PER_SENDER else 1)
        ]
        endpoints = [listen(control, transport, i) for i, control in enumerate(controls)]
        senders = [
            threading.Thread(
                target=system.signal,
                args=(context, endpoints[i % len(endpoints)], b"%d" % i, messages),
                name=f"sender-{i}",
            )
            for i in range(threads)
        ]
        for sender in senders:
            sender.start()
        main_loop(controls, received, messages)
        for sender in senders:
            sender.join()
        for i, numbers in enumerate(received):
            expected = list(range(1, messages + 1))
            assert numbers == expected, f"sender {i}: {len(numbers)} of {messages} signals arrived"
    finally:
        context.destroy(linger=0)


def listen(control, transport, i):
    control.bind(BIND[transport].format(i))
    return control.getsockopt_string(zmq.LAST_ENDPOINT)


def main_loop(controls, received, messages):
    """Receive one signal per wake-up until the last one of every sender is here."""
    poller = zmq.Poller()
    for control in controls:
        poller.register(control, zmq.POLLIN)
    while any(messages not in numbers[-1:] for numbers in received):
        control, _ = poller.poll()[0]
        sender, number = control.recv().split()
        received[int(sender)].append(int(number))
