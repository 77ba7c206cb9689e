"""As buggy, but sleep before sending the exit message, as the document's programs do.

Looks right: the main loop has emptied its queues by then. If it has not, nobody notices.
"""

import time

import zmq

PAUSE_S = 0.5


def send_exit(context, endpoint, sent):
    time.sleep(PAUSE_S)
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        socket.send(b"exit")


def main_loop(control, received):
    while True:
        message = control.recv()
        if message.startswith(b"exit"):
            return
        received.append(message)
