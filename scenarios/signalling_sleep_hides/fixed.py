"""No sleep: the exit message says how many signals were sent, the main loop works on them all.

No window: the end is counted, not guessed.
"""

import time

import zmq

WORK_S = 0.002


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
            continue
        time.sleep(WORK_S)
        received.append(message)
