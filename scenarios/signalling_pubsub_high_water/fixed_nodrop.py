"""XPUB that must not drop (`XPUB_NODROP`), to a main loop that does not read for a while.

No window: at the high-water mark `send` waits for the reader.
"""

import zmq

RECEIVER = zmq.SUB
SENDER = zmq.XPUB


def signal(context, endpoint, name, messages):
    with context.socket(SENDER) as socket:
        socket.xpub_nodrop = 1
        socket.connect(endpoint)
        socket.recv()
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
