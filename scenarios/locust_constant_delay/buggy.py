"""The positive control: each heartbeat is later than the one before by four and a half seconds.

The window: five ticks fit between two heartbeats.
"""


def delay_s(number):
    return 4.5 * number
