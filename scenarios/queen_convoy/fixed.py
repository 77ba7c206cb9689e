"""The lease's row is locked or passed by.

No window: a claim never waits for another consumer.
"""

CLAIM = "skip_locked"
