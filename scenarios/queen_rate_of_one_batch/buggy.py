"""The total of all, divided by the duration, is told as the rate of each.

No window: it is so on every schedule.
"""


def rate(messages, pops, duration_s):
    return messages / duration_s
