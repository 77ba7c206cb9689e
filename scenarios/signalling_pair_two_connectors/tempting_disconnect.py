"""As buggy, but poll after the last send and disconnect, so that nothing is left half done.

Looks right: an orderly end. But the poll learns that the bound PAIR has dropped this connection,
and there is nothing left to disconnect: errno 2, the only trace of all that was lost.
"""

import zmq

RECEIVER = zmq.PAIR


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        socket.connect(endpoint)
        for number in range(1, messages + 1):
            socket.send(b"%s %d" % (name, number))
        socket.poll(1)
        socket.disconnect(endpoint)
