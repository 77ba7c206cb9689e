"""Every heartbeat is late by 3000 ms.

No window: the gaps between heartbeats are a second, as ever.
"""


def delay_s(number):
    return 3
