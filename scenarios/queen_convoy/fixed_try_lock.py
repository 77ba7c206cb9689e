"""The lease is claimed behind an advisory lock that is tried.

No window: a claim never waits for another consumer.
"""

CLAIM = "try_lock"
