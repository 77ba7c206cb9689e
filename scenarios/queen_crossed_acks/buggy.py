"""The messages are marked in the order in which the client lists them.

The window: each holds its first row and waits for the other's.
"""


def order(asked):
    return asked
