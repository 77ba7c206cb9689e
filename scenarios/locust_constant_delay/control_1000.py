"""Every heartbeat is late by 1000 ms.

No window: the gaps between heartbeats are a second, as ever.
"""


def delay_s(number):
    return 1
