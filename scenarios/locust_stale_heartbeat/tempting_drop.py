"""A refused heartbeat is dropped: there will be another.

Looks right, and keeps the order. But the one refused may be the one that says what has changed.
"""

POLICY = "lock_dontwait(drop)"
