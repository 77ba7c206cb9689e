"""Senders start before the receiver is there; a send that returned must mean that it is."""

import socket as tcp
import threading
import time

import zmq

LATE_S = 0.2
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    here = threading.Event()
    early = []
    endpoints = [free_endpoint(transport, i) for i in range(threads)]
    try:
        senders = [
            threading.Thread(target=signal, args=(system, context, endpoint, messages, here, early))
            for endpoint in endpoints
        ]
        for sender in senders:
            sender.start()
        time.sleep(LATE_S)
        here.set()
        with context.socket(zmq.PULL) as control:
            for endpoint in endpoints:
                system.open_receiver(control, endpoint)
            for _ in range(threads * messages):
                control.recv()
            for sender in senders:
                sender.join()
        assert not early, f"{len(early)} sends returned before anybody was there"
    finally:
        context.destroy(linger=0)


def free_endpoint(transport, i):
    if transport == "inproc":
        return f"inproc://sender-{i}"
    with tcp.create_server(("127.0.0.1", 0)) as probe:
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def signal(system, context, endpoint, messages, here, early):
    with context.socket(zmq.PUSH) as socket:
        system.open_sender(socket, endpoint)
        for number in range(messages):
            socket.send(b"%d" % number)
            if not here.is_set():
                early.append(number)
