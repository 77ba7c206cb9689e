"""All threads send on one DEALER.

The window: two sends at a time corrupt the socket; the process dies within a second or two.
"""

import threading

import zmq

FRAMES = 1
ANSWERS = False


def exchange(context, endpoint, identity, threads, messages):
    with context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.IDENTITY, identity)
        socket.connect(endpoint)
        senders = [threading.Thread(target=send, args=(socket, messages)) for _ in range(threads)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()


def send(socket, messages):
    for number in range(messages):
        socket.send(b"%d" % number)
