"""The exit message says how many signals were sent; the main loop ends when it has them all.

No window: it does not matter when the exit message comes.
"""

import zmq


def send_exit(context, endpoint, sent):
    with context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        socket.send(b"exit %d" % sent)


def main_loop(control, received):
    sent = None
    while sent != len(received):
        message = control.recv()
        if message.startswith(b"exit"):
            sent = int(message.split()[1])
        else:
            received.append(message)
