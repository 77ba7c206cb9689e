"""A sender signals over PAIR, and may ask a monitor about the other side; all must arrive."""

import threading

import zmq

LINGER_MS = 30_000
QUIET_MS = 1000  # after the last send: how long a message may be under way


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    received = []
    done = threading.Event()
    try:
        with context.socket(zmq.PAIR) as control:
            monitor = control.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            control.bind(f"{transport}://127.0.0.1:*")
            endpoint = control.getsockopt_string(zmq.LAST_ENDPOINT)
            sender = threading.Thread(
                target=signal, args=(system, context, endpoint, messages * threads, monitor, done)
            )
            sender.start()
            while control.poll(QUIET_MS) or not done.is_set():
                if control.poll(0):
                    received.append(int(control.recv()))
            sender.join()
            control.disable_monitor()
            monitor.close()
        expected = list(range(1, messages * threads + 1))
        assert received == expected, f"{len(received)} of {len(expected)} signals arrived"
    finally:
        context.destroy(linger=0)


def signal(system, context, endpoint, messages, monitor, done):
    with context.socket(zmq.PAIR) as socket:
        system.send_all(socket, endpoint, messages, monitor)
        done.set()
