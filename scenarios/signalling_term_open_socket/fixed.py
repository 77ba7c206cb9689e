"""A worker whose context ends closes its socket, then leaves.

No window: every socket has exactly one thread that closes it, whatever happens to it.
"""


def end(socket, left_open):
    socket.close(linger=0)
