"""The pauses between the polls are a part of their own.

No window: every second of the consumer's lies in one part.
"""

import time


def pop(timing, consumer, connection):
    with timing.part("query"):
        batch = consumer.pop([1], 1)
        connection.commit()
    return batch


def pause(timing, seconds):
    with timing.part("polling"):
        time.sleep(seconds)
