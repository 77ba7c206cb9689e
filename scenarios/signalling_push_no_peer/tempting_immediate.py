"""PUSH connects, but may use only connections that are complete (`IMMEDIATE`).

No window on tcp: the queue comes with the peer, so `send` waits. On inproc it has no effect.
"""


def open_sender(socket, endpoint):
    socket.immediate = 1
    socket.connect(endpoint)


def open_receiver(socket, endpoint):
    socket.bind(endpoint)
