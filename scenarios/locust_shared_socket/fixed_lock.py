"""As buggy_multipart, with a lock around every send, and nobody who waits inside it.

No window: the lock orders the uses, and brings the memory of one thread to the next.
"""

import threading

import zmq

FRAMES = 2
ANSWERS = False


def exchange(context, endpoint, identity, threads, messages):
    lock = threading.Lock()
    with context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.IDENTITY, identity)
        socket.connect(endpoint)
        senders = [
            threading.Thread(target=send, args=(socket, lock, messages)) for _ in range(threads)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()


def send(socket, lock, messages):
    for number in range(messages):
        body = b"%d" % number
        with lock:
            socket.send_multipart([body, body])
