"""Workers wait for orders until the context ends; the end must come although they wait."""

import queue
import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    opened = queue.SimpleQueue()
    left_open = []
    try:
        control = context.socket(zmq.PUB)
        control.bind(BIND[transport])
        endpoint = control.getsockopt_string(zmq.LAST_ENDPOINT)
        workers = [
            threading.Thread(target=work, args=(system, context, endpoint, opened, left_open))
            for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for _ in workers:
            opened.get()
        for _ in range(messages):
            control.send(b"order")
        control.close(linger=0)
        context.term()
        for worker in workers:
            worker.join()
    finally:
        for socket in left_open:
            socket.close(linger=0)
        context.destroy(linger=0)


def work(system, context, endpoint, opened, left_open):
    """Hear orders until the context ends."""
    socket = context.socket(zmq.SUB)
    try:
        socket.subscribe(b"")
        socket.connect(endpoint)
        opened.put("ready")
        while True:
            socket.recv()
    except zmq.ContextTerminated:
        system.end(socket, left_open)
