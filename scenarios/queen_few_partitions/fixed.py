"""There are as many partitions as consumers.

No window: a lease that is held is passed by, and another one is free.
"""


def parts(consumers):
    return consumers
