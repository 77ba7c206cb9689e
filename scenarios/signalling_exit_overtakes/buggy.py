"""The exit message goes over a PUSH of its own when all senders have ended.

The window: a PULL takes from its peers in turn, and the order of what different peers sent
is not kept. One exit message passes whole queues of signals.
"""

import zmq


def send_exit(context, endpoint, sent):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        socket.send(b"exit")


def main_loop(control, received):
    while True:
        message = control.recv()
        if message.startswith(b"exit"):
            return
        received.append(message)
