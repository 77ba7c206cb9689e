"""After `reconnect` the last message is dropped.

No window: a payload is refused once.
"""


def reconnect(socket, last):
    pass
