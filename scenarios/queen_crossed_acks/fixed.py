"""The messages are marked in the order of their ids.

No window: who holds a row waits for greater ones only, so no cycle can close.
"""


def order(asked):
    return sorted(asked)
