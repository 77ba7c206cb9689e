"""All threads send reports of two frames on one DEALER.

The window: as with one frame, and where the process survives, the frames of two reports mix.
"""

import threading

import zmq

FRAMES = 2
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
        body = b"%d" % number
        socket.send_multipart([body, body])
