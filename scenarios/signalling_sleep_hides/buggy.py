"""The programs' own shutdown: join the senders, sleep, send exit; each signal takes some work.

The window: the sleep is as long as somebody found enough. With little to do it hides that the
exit message may pass the signals; with more to do the same program loses them.
"""

import time

import zmq

WORK_S = 0.002
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
        time.sleep(WORK_S)
        received.append(message)
