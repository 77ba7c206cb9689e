"""PUSH connects, PULL binds: the usual way round.

The window: `connect` makes a queue at once, `send` fills it and returns; nobody need be there.
The document says that PUSH blocks until the connection is established.
"""


def open_sender(socket, endpoint):
    socket.connect(endpoint)


def open_receiver(socket, endpoint):
    socket.bind(endpoint)
