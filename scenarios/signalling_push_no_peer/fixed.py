"""PUSH binds, PULL connects.

No window: a bound PUSH has a queue only for a peer that has come, so `send` waits for one.
"""


def open_sender(socket, endpoint):
    socket.bind(endpoint)


def open_receiver(socket, endpoint):
    socket.connect(endpoint)
