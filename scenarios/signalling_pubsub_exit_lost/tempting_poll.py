"""As buggy, with a poll of 1 ms after connect, as the document advises.

Looks right: an idle main loop answers within a millisecond. A busy one does not.
"""

import zmq

POLL_MS = 1


def send_exit(context, endpoint):
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        socket.poll(POLL_MS)
        socket.send(b"exit")
