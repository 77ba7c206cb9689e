"""The pauses between the polls belong to no part.

No window: it is so on every schedule on which the message is not there at once.
"""

import time


def pop(timing, consumer, connection):
    with timing.part("query"):
        batch = consumer.pop([1], 1)
        connection.commit()
    return batch


def pause(timing, seconds):
    time.sleep(seconds)
