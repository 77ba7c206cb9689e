"""As buggy, with a poll between send and disconnect, as the document tried.

Looks right: let the message go before the connection does. But the poll also learns that the
bound PAIR has refused this connection, and `disconnect` then fails with errno 2.
"""

import zmq

RECEIVER = zmq.PAIR
ONE_PER_SENDER = False


def signal(context, endpoint, name, messages):
    with context.socket(zmq.PAIR) as socket:
        for number in range(1, messages + 1):
            socket.connect(endpoint)
            socket.send(b"%s %d" % (name, number))
            socket.poll(1)
            socket.disconnect(endpoint)
