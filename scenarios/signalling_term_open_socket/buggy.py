"""A worker whose context ends leaves, and leaves its socket behind.

The window: `term` wakes everybody, then waits until the last socket is closed; nobody will.
"""


def end(socket, left_open):
    left_open.append(socket)
