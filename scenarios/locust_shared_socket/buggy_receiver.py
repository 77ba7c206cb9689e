"""One thread sends, one waits in recv, as upstream's worker does.

The window: sending reads the mailbox too, and takes the command that would wake the receiver. No
crash and no error: the receiver stays asleep with answers waiting.
"""

import threading

import zmq

FRAMES = 1
ANSWERS = True


def exchange(context, endpoint, identity, threads, messages):
    with context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.IDENTITY, identity)
        socket.connect(endpoint)
        total = threads * messages
        receiver = threading.Thread(target=receive, args=(socket, total))
        receiver.start()
        for number in range(total):
            socket.send(b"%d" % number)
        receiver.join()


def receive(socket, total):
    for _ in range(total):
        socket.recv()
