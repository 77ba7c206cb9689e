"""The rate of each, which is refused below 30 pops of each and 10 s.

No window: a run of one batch has no rate.
"""

from pytest_racecheck.leasequeue import rate_per_consumer


def rate(messages, pops, duration_s):
    return rate_per_consumer(messages, pops, duration_s)
