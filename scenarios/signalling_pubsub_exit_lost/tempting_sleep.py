"""As buggy, but sleep before sending the exit message, as the document's programs do.

Looks right: everything has calmed down by then. But the PUB that needs the time is made
after the sleep.
"""

import time

import zmq

PAUSE_S = 0.5


def send_exit(context, endpoint):
    time.sleep(PAUSE_S)
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        socket.send(b"exit")
