"""A lock that nobody holds while waiting: receive without blocking, sleep outside the lock.

No window: the lock is held for one call that returns at once.
"""

POLICY = "lock_dontwait(latest)"
