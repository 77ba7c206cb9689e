"""PUB connects and polls for 1 ms, and again after each send, as the document advises.

Looks right: the poll takes in a subscription that has arrived, and with few threads it has. But
1 ms is a guess about when the main loop runs.
"""

import zmq

RECEIVER = zmq.SUB
POLL_MS = 1


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PUB) as socket:
        socket.connect(endpoint)
        socket.poll(POLL_MS)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
            socket.poll(POLL_MS)
