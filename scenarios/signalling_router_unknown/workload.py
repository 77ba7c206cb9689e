"""A main loop tells each worker to go, by name; every worker must hear it."""

import threading
import time

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
LINGER_MS = 1000
SETUP_S = 0.01


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    heard = [0] * threads
    try:
        with context.socket(zmq.ROUTER) as control:
            control.bind(BIND[transport])
            endpoint = control.getsockopt_string(zmq.LAST_ENDPOINT)
            workers = [
                threading.Thread(target=work, args=(system, context, endpoint, heard, i, messages))
                for i in range(threads)
            ]
            for worker in workers:
                worker.start()
            system.tell(control, [b"worker-%d" % i for i in range(threads)], messages)
            for worker in workers:
                worker.join()
        assert heard == [messages] * threads, f"orders heard: {heard}, given: {messages} each"
    finally:
        context.term()


def work(system, context, endpoint, heard, i, messages):
    """A worker ends when it has heard as many orders as were given, or the main loop gave up."""
    try:
        time.sleep(SETUP_S)
        with context.socket(zmq.DEALER) as socket:
            socket.routing_id = b"worker-%d" % i
            socket.connect(endpoint)
            system.arrive(socket)
            for _ in range(messages):
                socket.recv()
                heard[i] += 1
    except zmq.ZMQError as error:
        if not (context.closed or error.errno == zmq.ETERM):
            raise
